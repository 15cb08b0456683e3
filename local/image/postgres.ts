/**
 * Starts PostgreSQL in its image (for evaluation: one server, no copy of its data), making the cluster at the first start.
 * PGDATA                   the cluster's folder, a sub-folder of the volume; /var/lib/postgresql/data without it
 * POSTGRES_PASSWORD_FILE   password of the superuser `postgres`; counts at the first start
 * PGPORT                   5432 without it
 * Further arguments go to the server, such as `-c shared_buffers=64MB`. SIGTERM: a fast shutdown.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { dropStalePidFile } from '../postgres-pid-file.ts';
import { asArguments, INITDB_OPTIONS, SETTINGS } from '../postgres-settings.ts';
import { fail, supervise } from './supervise.ts';

/** From /app/local/image; this way the root folder can be tried out without being the root. */
const BIN = join(import.meta.dirname, '../../../usr/local/pgsql/bin');
const SUPERUSER = 'postgres';
const DATABASE = 'portcullis';

const run = (program: string, args: readonly string[], input?: string): void => {
  const { status, stderr, error } = spawnSync(join(BIN, program), args, { encoding: 'utf8', ...(input !== undefined && { input }) });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr.trim()}`);
};

const passwordFile = (): string => {
  const file = process.env['POSTGRES_PASSWORD_FILE'];
  if (!file) return fail('POSTGRES_PASSWORD_FILE is not set: name the file with the password that the superuser shall have');
  const password = readFileSync(file, 'utf8').trimEnd();
  if (password.length < 16 || password.includes('\n')) fail(`${file} must hold one line of 16 or more characters`);
  return file;
};

/** Makes the cluster beside its place and moves it there when it is whole: a start that was killed leaves nothing half-made. */
const initialise = (data: string): void => {
  const next = `${data}.next`;
  const secret = passwordFile();
  rmSync(next, { recursive: true, force: true });
  mkdirSync(next, { recursive: true, mode: 0o700 });
  run('initdb', ['-D', next, '-U', SUPERUSER, ...INITDB_OPTIONS, '--pwfile', secret]);
  appendFileSync(join(next, 'pg_hba.conf'), 'host all all all scram-sha-256\n');
  run('postgres', ['--single', '-D', next, 'postgres'], `create database ${DATABASE}\n`);
  renameSync(next, data);
};

/**
 * A volume comes with any owner, and its group's rights are widened at each mount (fsGroup). Ours to mend when the folder is ours;
 * somebody else's folder is refused, as PostgreSQL itself would, but with a word on what to do.
 */
const secure = (data: string): void => {
  const { uid, mode } = statSync(data);
  if (uid !== process.getuid!())
    fail(`${data} belongs to user ${uid} and this is user ${process.getuid!()}: give it to this one (chown -R), or name another PGDATA`);
  if ((mode & 0o077) !== 0) chmodSync(data, 0o700);
};

const prepare = (data: string): void => {
  if (existsSync(join(data, 'PG_VERSION'))) return secure(data);
  if (existsSync(data) && readdirSync(data).length > 0)
    fail(`${data} is neither empty nor a cluster: PGDATA must be a folder of its own below the volume, such as ${join(data, 'pgdata')}`);
  try {
    initialise(data);
  } catch (error) {
    rmSync(`${data}.next`, { recursive: true, force: true });
    fail(
      `couldn't make the cluster ${data}: ${(error as Error).message} (PGDATA must be a sub-folder of a volume that this user may write)`,
    );
  }
};

const data = process.env['PGDATA'] || '/var/lib/postgresql/data';
if (process.getuid!() === 0) fail('PostgreSQL refuses to run as root: run the image as user 65532');
if (!existsSync(dirname(data)))
  fail(`${dirname(data)} isn't there: mount the volume of the database there, or set PGDATA to a folder below it`);
prepare(data);
dropStalePidFile(data);
const settings = {
  ...SETTINGS,
  listen_addresses: '*',
  port: process.env['PGPORT'] || '5432',
  unix_socket_directories: '',
  dynamic_shared_memory_type: 'mmap', // /dev/shm of a pod has 64 MB
};
supervise({
  command: join(BIN, 'postgres'),
  args: ['-D', data, ...asArguments(settings), ...process.argv.slice(2)],
  stopSignal: 'SIGINT', // "fast": roll back what is open, checkpoint, leave
});
