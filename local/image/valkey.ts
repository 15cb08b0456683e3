/**
 * Starts Valkey in its image (for evaluation: one server, no copy of its data).
 * VALKEY_PASSWORD_FILE   the password that clients must give
 * VALKEY_DATA            a folder for the snapshot of the counters; /data without it
 * VALKEY_PORT            6379 without it
 * SIGTERM: a last snapshot, then the end.
 */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { valkeyConfig } from '../valkey-config.ts';
import { fail, supervise } from './supervise.ts';

const readPassword = (): string => {
  const file = process.env['VALKEY_PASSWORD_FILE'];
  if (!file) return fail('VALKEY_PASSWORD_FILE is not set: name the file with the password that clients must give');
  const password = readFileSync(file, 'utf8').trimEnd();
  if (!/^[\w-]{16,}$/.test(password)) fail(`${file} must hold 16 or more letters, digits, _ or -`);
  return password;
};

const password = readPassword();
const dir = process.env['VALKEY_DATA'] || '/data';
try {
  accessSync(dir, constants.W_OK | constants.X_OK);
} catch {
  fail(`${dir} can't be written by this user: mount a volume there, or set VALKEY_DATA to a folder of one`);
}
const port = Number(process.env['VALKEY_PORT'] || 6379);
if (!Number.isInteger(port) || port < 1 || port > 65_535) fail('VALKEY_PORT must be a port, 1 to 65535');
supervise({
  command: join(import.meta.dirname, '../../../usr/local/bin/valkey-server'),
  args: ['-'], // the configuration comes on standard input: the password is in no file and in no list of processes
  stopSignal: 'SIGTERM',
  input: valkeyConfig({ bind: '* -::*', port, password, dir }),
});
