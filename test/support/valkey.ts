/** A real Valkey for tests: one for the whole run (test/run.ts starts it), or one of the caller's own to stop and stall. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startValkey as startServer } from '../../local/valkey.ts';

/** Set by test/run.ts: JSON of `{url, pid}`. */
export const VALKEY_VARIABLE = 'PORTCULLIS_TEST_VALKEY';

export interface TestValkey {
  readonly url: string;
  readonly pid: number;
  /** Stops the server if this call started it. */
  readonly stop: () => Promise<void>;
}

export interface ValkeyTestOptions {
  /** A server that no other test uses. */
  readonly own?: boolean;
  /** To come back where an earlier one was stopped. */
  readonly port?: number;
  readonly password?: string;
  readonly guardian?: Guardian | undefined;
}

/** The run's server; its data is shared, so use keys (or a database number, 1 to 15) of your own. */
export const startValkey = async ({ own = false, port, password, guardian }: ValkeyTestOptions = {}): Promise<TestValkey> => {
  const given = process.env[VALKEY_VARIABLE];
  if (given !== undefined && !own) return { ...(JSON.parse(given) as { url: string; pid: number }), stop: () => Promise.resolve() };
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-valkey-'));
  const server = await startServer({
    dir,
    port: port ?? (await freePorts(1))[0]!,
    log: join(dir, 'valkey.log'),
    password: password ?? randomBytes(16).toString('hex'),
    guardian,
  });
  return {
    url: server.url,
    pid: server.process.pid,
    stop: async () => {
      server.process.kill('SIGCONT');
      await server.process.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
