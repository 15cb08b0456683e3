/**
 * Brings the schema up to date: every migrations/NNNN_*.sql not yet run, in order, each in one transaction, all under one
 * advisory lock, so that several replicas may start at once. Forward only. A database that is newer than this code is refused.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { type EnvReader, readEnv } from '../../proto/process/env.ts';
import { databaseConnection } from './database-address.ts';

const FOLDER = new URL('migrations/', import.meta.url);
const LOCK = 7_265_170_431; // any constant that no other user of this database takes
const ROLES = ['fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'];

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

/** All that this code knows, in order. */
export const migrations = (): Migration[] =>
  readdirSync(FOLDER)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
    .map((name) => {
      const text = readFileSync(new URL(name, FOLDER), 'utf8');
      return { version: Number(name.slice(0, 4)), name, text, sha256: createHash('sha256').update(text).digest('hex') };
    });

/**
 * Runs what is missing and returns the names of the migrations run; sets the roles' passwords if given.
 * Throws when the database is newer than this code or a migration already run has been edited.
 */
export const migrate = async (ownerUrl: string, passwords: Readonly<Record<string, string>> = {}): Promise<string[]> => {
  const sql = owner(ownerUrl);
  const ran: string[] = [];
  try {
    await sql`select pg_advisory_lock(${LOCK})`;
    await sql`create table if not exists public.portcullis_migration
      (version int primary key, name text not null, sha256 text not null, ran_at timestamptz not null default now())`;
    const done = new Map(
      (await sql`select version, sha256 from public.portcullis_migration`).map((row) => [
        row['version'] as number,
        row['sha256'] as string,
      ]),
    );
    const known = migrations();
    const newest = Math.max(0, ...done.keys());
    if (newest > (known.at(-1)?.version ?? 0))
      throw new Error(`the database is at migration ${newest}, newer than this code: deploy the newer release`);
    for (const { version, name, text, sha256 } of known) {
      const before = done.get(version);
      if (before === sha256) continue;
      if (before !== undefined) throw new Error(`${name} was changed after it ran here: write a new migration instead`);
      await sql.begin(async (tx) => {
        await tx.unsafe(text);
        await tx`insert into public.portcullis_migration (version, name, sha256) values (${version}, ${name}, ${sha256})`;
      });
      ran.push(name);
    }
    const database = (await sql`select current_database() as name`)[0]!['name'] as string;
    for (const role of ROLES) await sql.unsafe(`grant connect on database "${database.replaceAll('"', '""')}" to ${role}`);
    // Whoever starts looks whether the schema is there (await-schema.ts).
    await sql.unsafe(`grant select on public.portcullis_migration to ${ROLES.join(', ')}`);
    for (const [role, password] of Object.entries(passwords)) {
      if (!ROLES.includes(role)) throw new Error(`no such role: ${role}`);
      if (!/^[\w-]{16,}$/.test(password)) throw new Error(`the password of ${role} must be 16 or more letters, digits, _ or -`);
      await sql.unsafe(`alter role ${role} login password '${password}'`);
    }
  } finally {
    await sql.end({ timeout: 5 });
  }
  return ran;
};

const owner = (url: string): postgres.Sql => {
  const { address, ...where } = databaseConnection(url);
  return postgres(address, { max: 1, connect_timeout: 10, onnotice: () => undefined, ...where });
};

/** Resolves when the database takes connections; throws what it says when it doesn't within `waitMs`. */
const awaitDatabase = async (url: string, waitMs: number): Promise<void> => {
  for (const end = performance.now() + waitMs; ; await sleep(1000)) {
    const sql = owner(url);
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      if (performance.now() >= end) throw error;
    } finally {
      await sql.end({ timeout: 0 });
    }
  }
};

/** By role, from a JSON file or from a folder with one file per role, such as a mounted Secret. */
const passwordsOf = (env: EnvReader): Record<string, string> => {
  const [file, dir] = [env.optional('MIGRATE_ROLE_PASSWORDS'), env.optional('MIGRATE_ROLE_PASSWORDS_DIR')];
  if (file !== undefined && dir !== undefined)
    throw new Error('MIGRATE_ROLE_PASSWORDS and MIGRATE_ROLE_PASSWORDS_DIR are both set: give one');
  if (file !== undefined) return JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
  if (dir === undefined) return {};
  const files = ROLES.filter((role) => existsSync(join(dir, role)));
  if (files.length === 0) throw new Error(`MIGRATE_ROLE_PASSWORDS_DIR=${dir} holds none of ${ROLES.join(', ')}: one file per role`);
  return Object.fromEntries(files.map((role) => [role, readFileSync(join(dir, role), 'utf8').trim()]));
};

if (import.meta.main) {
  const env = readEnv();
  const url = env.text('DATABASE_URL', 'the URL of the role that owns the database');
  const passwords = passwordsOf(env);
  await awaitDatabase(url, env.integer('MIGRATE_WAIT_SECONDS', 0, { min: 0, max: 86_400 }) * 1000);
  const ran = await migrate(url, passwords);
  process.stdout.write(`${JSON.stringify({ level: 30, msg: 'migrated', ran })}\n`);
}
