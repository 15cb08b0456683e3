/** A real PostgreSQL for tests: one server for the whole run (test/run.ts starts it), one database per caller. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import postgres from 'postgres';
import { migrate } from '../../fhir/store/migrate.ts';
import type { Guardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startPostgres as startServer } from '../../local/postgres.ts';

/** Set by test/run.ts: JSON of `Shared`. */
export const POSTGRES_VARIABLE = 'PORTCULLIS_TEST_POSTGRES';
const TEMPLATE = 'portcullis_template';
const ROLES = ['fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'] as const;

interface Shared {
  readonly ownerUrl: string;
  readonly passwords: Readonly<Record<string, string>>;
  readonly pid: number;
}

export interface TestDatabase {
  readonly ownerUrl: string;
  readonly appUrl: string;
  readonly gatewayUrl: string;
  readonly relayUrl: string;
  readonly readUrl: string;
  /**
   * Resolves when every transaction of the server that was open at the call has ended. A history of several resources leaves out what
   * such a one might still come before, and those of other tests' databases count.
   */
  readonly settled: () => Promise<void>;
  readonly drop: () => Promise<void>;
}

export interface TestPostgres {
  /** The owner's URL of the maintenance database. */
  readonly ownerUrl: string;
  readonly pid: number;
  /** A new, migrated, empty database. */
  readonly createDatabase: () => Promise<TestDatabase>;
  /** Stops the server if this call started it. */
  readonly stop: () => Promise<void>;
  /** What another process needs to use the same server, for POSTGRES_VARIABLE. */
  readonly shared: string;
}

const at = (url: string, database: string, user?: readonly [string, string]): string => {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  if (user !== undefined) [changed.username, changed.password] = user;
  return changed.href;
};

const owner = (url: string): postgres.Sql => postgres(url, { max: 1, onnotice: () => undefined });

const connected = (shared: Shared, stop: () => Promise<void>): TestPostgres => ({
  ownerUrl: shared.ownerUrl,
  pid: shared.pid,
  shared: JSON.stringify(shared),
  stop,
  createDatabase: async () => {
    const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`;
    const sql = owner(shared.ownerUrl);
    try {
      await sql.unsafe(`create database ${name} template ${TEMPLATE}`);
      for (const role of ROLES) await sql.unsafe(`grant connect on database ${name} to ${role}`);
    } finally {
      await sql.end();
    }
    const as = (role: string): string => at(shared.ownerUrl, name, [role, shared.passwords[role]!]);
    return {
      ownerUrl: at(shared.ownerUrl, name),
      appUrl: as('fhir_app'),
      gatewayUrl: as('gateway_audit'),
      relayUrl: as('audit_relay'),
      readUrl: as('audit_read'),
      settled: async () => {
        const sql = owner(shared.ownerUrl);
        try {
          const [begun] = await sql`select pg_current_xact_id()::text as xid`;
          const ended = async (): Promise<boolean> => {
            const [row] = await sql`select pg_snapshot_xmin(pg_current_snapshot()) > ${begun!['xid'] as string}::xid8 as ended`;
            return row!['ended'] as boolean;
          };
          for (let i = 0; !(await ended()); i++) {
            if (i === 1000) throw new Error('a transaction of this PostgreSQL stayed open for longer than 20 s');
            await setTimeout(20);
          }
        } finally {
          await sql.end();
        }
      },
      drop: async () => {
        const again = owner(shared.ownerUrl);
        try {
          await again.unsafe(`drop database if exists ${name} with (force)`);
        } finally {
          await again.end();
        }
      },
    };
  },
});

/** The run's server, or without one (a test file run by hand) a server of its own in a temporary folder. */
export const startPostgres = async (guardian?: Guardian): Promise<TestPostgres> => {
  const given = process.env[POSTGRES_VARIABLE];
  if (given !== undefined) return connected(JSON.parse(given) as Shared, () => Promise.resolve());
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-pg-'));
  const [port] = await freePorts(1);
  const server = await startServer({
    dir: join(dir, 'data'),
    port: port!,
    log: join(dir, 'postgres.log'),
    password: randomBytes(16).toString('hex'),
    settings: { shared_buffers: '64MB' },
    guardian,
  });
  const passwords = Object.fromEntries(ROLES.map((role) => [role, randomBytes(16).toString('hex')]));
  const stop = async (): Promise<void> => {
    await server.process.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const sql = owner(server.url());
    await sql.unsafe(`create database ${TEMPLATE}`);
    await sql.end();
    await migrate(server.url(TEMPLATE), passwords);
  } catch (error) {
    await stop();
    throw error;
  }
  return connected({ ownerUrl: server.url(), passwords, pid: server.process.pid }, stop);
};
