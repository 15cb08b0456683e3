/** What an auditor asks the sealed log; all but `lag` need only the bucket and the public key. */
import { disclosures } from './cli/disclosures.ts';
import { lag } from './cli/lag.ts';
import { check, prove } from './cli/proof.ts';
import { verify } from './cli/verify.ts';

const USAGE = `usage: npm run audit -- COMMAND

  verify       is the log whole? Finds a changed byte, a missing segment, a cut tail
               [--at-least FILE] [--expect-size N] [--max-age SECONDS] [--no-memory]
  prove        INDEX or EVENT_ID [--out FILE]: writes the proof that an event is in the log
  check        PROOF: says what a proof proves; needs only the key
  disclosures  --patient Patient/ID [--from DATE] [--to DATE]: who saw or changed, or was refused, what concerns a patient;
               of a DATE such as 2026-01-31 the whole day counts, else give 2026-01-31T12:00:00Z
  lag          how far sealing is behind the database [--database URL] [--max SECONDS]

All but lag: [--bucket DIR or s3://BUCKET/PREFIX] (.portcullis/audit/bucket) [--key FILE] (.portcullis/audit/public.key)
Exit code: 0 it holds, 1 it doesn't, 2 it couldn't be found out.`;

const COMMANDS: Readonly<Record<string, (args: string[]) => boolean | Promise<boolean>>> = { verify, prove, check, disclosures, lag };

const [name, ...args] = process.argv.slice(2);
const command = Object.hasOwn(COMMANDS, name ?? '') ? COMMANDS[name!] : undefined;
if (command === undefined) {
  console.log(USAGE);
  process.exitCode = name === undefined || ['--help', '-h', 'help'].includes(name) ? 0 : 2;
} else {
  try {
    process.exitCode = (await command(args)) ? 0 : 1;
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    process.exitCode = 2;
  }
}
