/**
 * Brings the schema up to date: every migrations/NNNN_*.sql not yet run, in order, each in one transaction, all under one
 * advisory lock, so that several replicas may start at once. Forward only. A database that is newer than this code is refused.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import postgres from 'postgres';

const FOLDER = new URL('migrations/', import.meta.url);
const LOCK = 7_265_170_431; // any constant that no other user of this database takes
const ROLES = ['fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'];

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly text: string;
  readonly sha256: string;
}

const migrations = (): Migration[] =>
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
  const sql = postgres(ownerUrl, { max: 1, onnotice: () => undefined });
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

if (import.meta.main) {
  const url = process.env['DATABASE_URL'];
  if (!url) throw new Error('DATABASE_URL is not set: give the URL of the role that owns the database');
  const file = process.env['MIGRATE_ROLE_PASSWORDS'];
  const ran = await migrate(url, file ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {});
  process.stdout.write(`${JSON.stringify({ level: 30, msg: 'migrated', ran })}\n`);
}
