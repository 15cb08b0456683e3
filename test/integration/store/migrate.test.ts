import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';

const MIGRATE = fileURLToPath(new URL('../../../fhir/store/migrate.ts', import.meta.url));

let server: TestPostgres;
test.before(async () => {
  server = await startPostgres();
});
test.after(() => server.stop());

const migrate = async (url: string): Promise<{ code: number | null; ran: string[] }> => {
  const child = spawn(process.execPath, [MIGRATE], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, DATABASE_URL: url } });
  const output = text(child.stdout);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  return { code, ran: (JSON.parse(await output) as { ran: string[] }).ran };
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

test.run();
