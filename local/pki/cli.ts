/** `npm run pki -- issue CLIENT | revoke CLIENT | list`: client certificates of the development CA. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CLIENT_DAYS, openAuthority, TRUST_DOMAIN } from './authority.ts';

const USAGE = `npm run pki -- issue CLIENT_ID [--days N]   make a certificate and key for a client
npm run pki -- revoke CLIENT_ID              put its certificates on the revocation list
npm run pki -- list                          what was issued

  --data DIR   where npm start keeps its data (default .portcullis)
`;

const fail = (text: string): never => {
  process.stderr.write(`${text}\n`);
  process.exit(1);
};

const stanza = (id: string): string => `  - id: ${id}
    certificates:
      - spiffe: spiffe://${TRUST_DOMAIN}/client/${id}
    scopes: [system/Patient.rs]
    tier: reader`;

const OPTIONS = {
  data: { type: 'string', default: '.portcullis' },
  days: { type: 'string', default: String(CLIENT_DAYS) },
  help: { type: 'boolean', short: 'h' },
} as const;
const asked = () => {
  try {
    return parseArgs({ allowPositionals: true, options: OPTIONS });
  } catch (error) {
    return fail(`${(error as Error).message}\n\n${USAGE}`);
  }
};

const { values, positionals } = asked();
const [command, id] = positionals;
if (values.help === true) {
  process.stdout.write(USAGE);
  process.exit();
}
// One client at a time: a second one that is named and left alone would be believed to be revoked.
if (positionals.length !== { list: 1, issue: 2, revoke: 2 }[command ?? '']) fail(USAGE);
const pki = join(values.data, 'pki');
if (!existsSync(join(pki, 'ca.crt'))) fail(`There is no CA in ${pki}: run npm start once, or name its data folder with --data`);
const authority = await openAuthority(pki);

if (command === 'issue' && id !== undefined) {
  const days = Number(values.days);
  if (!Number.isInteger(days) || days < 1 || days > 3650) fail('--days is a whole number from 1 to 3650');
  const issued = await authority.issueClient(id, days).catch((error: Error) => fail(error.message));
  const { cert, key } = authority.clientFiles(id);
  process.stdout.write(`certificate  ${cert}\nkey          ${key}\nvalid until  ${issued.notAfter}\nsha256       ${issued.sha256}

Register it under clients: in ${join(values.data, 'config/clients.yaml')}, with the scopes and the tier that it shall have:

${stanza(id)}
`);
} else if (command === 'revoke' && id !== undefined) {
  const count = await authority.revokeClient(id);
  if (count === 0) fail(`${id} has no certificate that isn't revoked already: npm run pki -- list shows all`);
  process.stdout.write(`${count} certificate(s) of ${id} revoked: no new connection with them from now on.
Set status: revoked for ${id} in ${join(values.data, 'config/clients.yaml')} to refuse the connections that are open, too.
`);
} else if (command === 'list') {
  for (const { client, serial, notAfter, revoked } of authority.list()) {
    process.stdout.write(`${client.padEnd(24)} ${serial}  until ${notAfter}${revoked === undefined ? '' : `  revoked ${revoked}`}\n`);
  }
}
