/** `npm run gateway -- check DIR | explain …`: what a configuration says, before it is rolled out. */
import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { decide } from './authz/decide.ts';
import type { Credential } from './clients/registry.ts';
import { loadPolicy, type Policy } from './config/policy.ts';
import { ConfigError } from './config/yaml-reader.ts';

const USAGE = `npm run gateway -- check DIR                what is wrong with clients.yaml and quotas.yaml of a folder
npm run gateway -- explain --client ID [--method GET] [--path /fhir/Patient/1] [--config DIR]
                                            whether a client may do that, why, and what counts it

  --config DIR   default .portcullis/config
`;

const fail = (text: string): never => {
  process.stderr.write(`${text}\n`);
  process.exit(1);
};

const load = (dir: string): Policy => {
  if (statSync(dir, { throwIfNoEntry: false })?.isDirectory() !== true)
    fail(`${dir} is no folder: give the one that holds clients.yaml and quotas.yaml`);
  try {
    return loadPolicy(dir);
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.reasons.join('\n'));
    throw error;
  }
};

const check = (dir: string): void => {
  const { version, registry, quotas, notes } = load(dir);
  process.stdout.write(`${dir} is good: ${registry.clients.size} clients, ${quotas.limits.length} quotas, version ${version}\n`);
  for (const note of notes) process.stdout.write(`note  ${note}\n`);
};

interface Question {
  readonly config: string;
  readonly client: string;
  readonly method: string;
  readonly path: string;
}

const explain = ({ config, client: id, method, path }: Question): void => {
  const { registry, quotas } = load(config);
  const client = registry.clients.get(id);
  if (client === undefined) return fail(`${config}/clients.yaml has no client ${id}`);
  // The registry is asked as for a certificate of this client, whichever way that is matched.
  const credential: Credential = { spiffe: [], dns: [], subject: '', sha256: '' };
  const decision = decide({ credential, method, path }, { ...registry, find: () => client }, Date.now());
  if ('reason' in decision) {
    process.stdout.write(`${method} ${path} by ${id}: refused with ${decision.status} (${decision.reason})\n${decision.diagnostics}\n`);
    return;
  }
  const limits = quotas.applying(id, client.tier, decision.target.class);
  const counted = limits.map(
    ({ name, limit, periodMs, onRedisDown, isShadow }) =>
      `  ${name}: ${limit} in ${periodMs / 1000} s, without Redis: ${onRedisDown}${isShadow ? ', shadow' : ''}`,
  );
  process.stdout.write(
    `${method} ${path} by ${id}: allowed (${decision.target.interaction}, class ${decision.target.class})\n${counted.length === 0 ? 'no quota counts it' : `counted by\n${counted.join('\n')}`}\n`,
  );
};

const OPTIONS = {
  config: { type: 'string', default: '.portcullis/config' },
  client: { type: 'string' },
  method: { type: 'string', default: 'GET' },
  path: { type: 'string', default: '/fhir/Patient/1' },
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
const [command, dir] = positionals;
if (values.help === true) process.stdout.write(USAGE);
else if (positionals.length > ({ check: 2, explain: 1 }[command ?? ''] ?? 0)) fail(USAGE);
else if (command === 'check') check(dir ?? values.config);
else if (command === 'explain' && values.client !== undefined) explain({ ...values, client: values.client });
else fail(USAGE);
