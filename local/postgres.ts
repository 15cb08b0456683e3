import { execFile } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import type { Guardian } from './guardian.ts';
import { dropStalePidFile } from './postgres-pid-file.ts';
import { asArguments, INITDB_OPTIONS, SETTINGS } from './postgres-settings.ts';
import { type RunningProcess, startProcess, waitUntil } from './processes.ts';
import { postgresBinaries } from './toolchain.ts';
import { type Unprivileged, unprivileged } from './unprivileged.ts';

export interface PostgresOptions {
  /** Cluster folder; made when it isn't there. */
  readonly dir: string;
  readonly port: number;
  /** Folder for the Unix socket, whose path must fit into 107 bytes. */
  readonly socketDir?: string | undefined;
  readonly log: string;
  /** Of the superuser `portcullis`, which owns everything; set when the cluster is made. */
  readonly password: string;
  readonly settings?: Readonly<Record<string, string>>;
  readonly guardian?: Guardian | undefined;
}

export interface Postgres {
  readonly process: RunningProcess;
  /** URL of the owner for a database of this server. */
  readonly url: (database?: string) => string;
  /** The folder that holds its Unix socket; undefined where it runs as a user who can't enter it. */
  readonly socketDir: string | undefined;
}

export const OWNER = 'portcullis';

const initialise = async ({ dir, password }: PostgresOptions, initdb: string, user: Unprivileged): Promise<void> => {
  user.folder(dir);
  const passwordFile = join(dir, '..', `.${process.pid}.pw`);
  writeFileSync(passwordFile, password, { mode: 0o644 });
  const args = ['-D', dir, '-U', OWNER, ...INITDB_OPTIONS, '--pwfile', passwordFile];
  const { command, args: wrapped, ...ids } = user.wrap(initdb, args);
  try {
    await promisify(execFile)(command, wrapped, ids);
  } catch (cause) {
    rmSync(dir, { recursive: true, force: true });
    throw new Error(`initdb couldn't make the database in ${dir}: ${(cause as { stderr?: string }).stderr ?? ''}`, { cause });
  } finally {
    rmSync(passwordFile, { force: true });
  }
};

const acceptsConnections = async (url: string): Promise<boolean> => {
  const sql = postgres(url, { max: 1, connect_timeout: 2, onnotice: () => undefined });
  try {
    await sql`select 1`;
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === '28P01')
      throw new Error("the database refuses our password: the data folder's secrets and its database don't belong together", {
        cause: error,
      });
    return false;
  } finally {
    await sql.end({ timeout: 1 });
  }
};

/** Starts the server on 127.0.0.1 (and a socket), making the cluster first when there is none, and waits until it answers. */
export const startPostgres = async (options: PostgresOptions): Promise<Postgres> => {
  const { dir, port, log, password, guardian } = options;
  const binaries = postgresBinaries();
  const user = unprivileged(binaries.postgres);
  const socketDir = user.isSelf ? options.socketDir : undefined;
  if (!existsSync(join(dir, 'PG_VERSION'))) await initialise(options, binaries.initdb, user);
  dropStalePidFile(dir);
  const settings: Record<string, string> = {
    ...SETTINGS,
    ...options.settings,
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: socketDir ?? '',
    unix_socket_permissions: '0700',
  };
  const args = ['-D', dir, ...asArguments(settings)];
  const url = (database = 'postgres'): string => `postgres://${OWNER}:${password}@127.0.0.1:${port}/${database}`;
  for (let attempt = 1; ; attempt++) {
    const running = await startProcess({
      name: 'postgres',
      ...user.wrap(binaries.postgres, args),
      log,
      stopSignal: 'SIGINT', // "fast": roll back what is open, checkpoint, leave
      ...(guardian === undefined ? {} : { guardian }),
    });
    try {
      await waitUntil(running, () => acceptsConnections(url()), { limitMs: 60_000 });
      return { process: running, url, socketDir };
    } catch (error) {
      // Backends of a killed server need a moment to notice that it is gone.
      const stillInUse = running.hasExited() && /shared memory block|postmaster\.pid. already exists/.test(running.tail());
      if (!stillInUse || attempt === 20) {
        await running.stop();
        throw error;
      }
      await sleep(500);
    }
  }
};
