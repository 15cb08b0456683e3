import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

const MIGRATE = fileURLToPath(new URL('../../../fhir/store/migrate.ts', import.meta.url));

let server: TestPostgres;
let database: TestDatabase;
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
});
test.after(async () => {
  await database.drop();
  await server.stop();
});

const migrate = async (
  url: string,
  environment: Record<string, string> = {},
  errors: 'inherit' | 'ignore' = 'inherit',
): Promise<{ code: number | null; ran: string[] }> => {
  const child = spawn(process.execPath, [MIGRATE], {
    stdio: ['ignore', 'pipe', errors],
    env: { ...process.env, DATABASE_URL: url, ...environment },
  });
  const output = text(child.stdout);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, ran: (JSON.parse((await output) || '{"ran":[]}') as { ran: string[] }).ran };
};

test('three processes that start at once on an empty database run each migration once', async () => {
  const name = `migrate_${process.pid}_${randomBytes(4).toString('hex')}`;
  const sql = postgres(server.ownerUrl, { max: 1, onnotice: () => undefined });
  const url = new URL(server.ownerUrl);
  url.pathname = `/${name}`;
  await sql.unsafe(`create database ${name}`);
  try {
    const runs = await Promise.all([1, 2, 3].map(() => migrate(url.href)));
    assert.equal(
      runs.map(({ code }) => code),
      [0, 0, 0],
    );
    const ran = runs.flatMap((run) => run.ran);
    assert.ok(ran.length >= 3, ran.join());
    assert.is(new Set(ran).size, ran.length);
    assert.equal((await migrate(url.href)).ran, []);
  } finally {
    await sql.unsafe(`drop database ${name} with (force)`);
    await sql.end();
  }
});

test('passwords of roles come from a folder with a file for each, and a database that comes late is waited for', async () => {
  const name = `migrate_${process.pid}_${randomBytes(4).toString('hex')}`;
  const sql = postgres(server.ownerUrl, { max: 1, onnotice: () => undefined });
  const url = new URL(server.ownerUrl);
  url.pathname = `/${name}`;
  const dir = mkdtempSync(join(tmpdir(), 'roles-'));
  try {
    assert.is((await migrate(url.href, {}, 'ignore')).code, 1, 'nothing is waited for without MIGRATE_WAIT_SECONDS');
    const empty = await migrate(url.href, { MIGRATE_ROLE_PASSWORDS_DIR: dir }, 'ignore');
    assert.is(empty.code, 1, 'a folder without a password is a mistake');
    // The role's own password, so that other tests of this server go on.
    const read = new URL(database.readUrl);
    writeFileSync(join(dir, 'audit_read'), `${read.password}\n`);
    const running = migrate(url.href, { MIGRATE_ROLE_PASSWORDS_DIR: dir, MIGRATE_WAIT_SECONDS: '30' });
    await sleep(1500);
    await sql.unsafe(`create database ${name}`);
    const { code, ran } = await running;
    assert.is(code, 0);
    assert.ok(ran.length >= 3);
    read.pathname = `/${name}`;
    const reader = postgres(read.href, { max: 1 });
    assert.ok((await reader`select max(version) as version from public.portcullis_migration`)[0]!['version'] > 0);
    await reader.end();
  } finally {
    await sql.unsafe(`drop database if exists ${name} with (force)`);
    await sql.end();
    rmSync(dir, { recursive: true });
  }
});

test.run();
