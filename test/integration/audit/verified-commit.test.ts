import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutbox } from '../../../fhir/audit/outbox.ts';
import { assertDurable, commitStatement, inTransaction } from '../../../fhir/audit/verified-commit.ts';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
let app: Sql;
let owner: Sql;

test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  app = createPool(database.appUrl, { max: 1, application: 'test' });
  owner = createPool(database.ownerUrl, { max: 1, application: 'test' });
});

test.after(async () => {
  await Promise.all([app.end(), owner.end()]);
  await database.drop();
  await server.stop();
});

const INSERT = 'insert into audit.event (body) values ($1)';
const count = async (body: string): Promise<number> =>
  (await owner.unsafe<{ n: number }[]>('select count(*)::int as n from audit.event where body = $1', [body]))[0]!.n;

test('the driver’s own transactions lie: begin() resolves although nothing was stored', async () => {
  // Should this test fail one day, the driver is mended and verified-commit.ts can go.
  const lying = postgres(database.appUrl, { max: 1 });
  await lying.begin((tx) => tx.unsafe(INSERT, ['"warm"']));
  await lying.begin(async (tx) => {
    await tx.unsafe(INSERT, ['"lost"']);
    await tx.unsafe('deallocate all');
  });
  await lying.end();
  assert.is(await count('"lost"'), 0);
});

test('a transaction resolves only when it is stored, prepared statements or not', async () => {
  for (let i = 0; i < 3; i++) {
    await inTransaction(app, async (db) => {
      await db.unsafe(INSERT, [`"kept ${i}"`]);
      await db.unsafe('deallocate all');
    });
    assert.is(await count(`"kept ${i}"`), 1);
  }
});

test('a transaction whose statement failed unseen does not resolve', async () => {
  let caught: unknown;
  await inTransaction(app, async (db) => {
    await db.unsafe(INSERT, ['"half"']);
    await db.unsafe('select 1/0').catch(() => undefined);
  }).catch((error: unknown) => (caught = error));
  assert.match(String(caught), /answered ROLLBACK to COMMIT/);
  assert.is(await count('"half"'), 0);
});

test('a statement that fails only when it is committed rejects, and its connection goes on', async () => {
  await owner.unsafe(`create table parent (id int primary key);
    create table child (id int references parent deferrable initially deferred)`);
  let caught: { code?: string } = {};
  await commitStatement(owner, 'insert into child values ($1)', [7]).catch((error: { code?: string }) => (caught = error));
  assert.is(caught.code, '23503');
  await commitStatement(owner, INSERT, ['"after"']);
  assert.is(await count('"after"'), 1);
});

test('an append after DEALLOCATE ALL is stored once, and says so', async () => {
  const outbox = createOutbox(app);
  for (let i = 0; i < 5; i++) {
    await app.unsafe('deallocate all');
    await outbox.append(`"outbox ${i}"`);
    assert.is(await count(`"outbox ${i}"`), 1);
  }
  await outbox.close();
});

test('many appends at once share commits, and each is stored once', async () => {
  const pool = createPool(database.appUrl, { max: 2, application: 'test' });
  const outbox = createOutbox(pool);
  await Promise.all(Array.from({ length: 2000 }, (_, i) => outbox.append(`{"many":${i}}`)));
  const [row] = await owner.unsafe<{ n: number; d: number; transactions: number }[]>(
    `select count(*)::int as n, count(distinct body)::int as d, count(distinct xid)::int as transactions from audit.event where body like '{"many"%'`,
  );
  assert.is(row!.n, 2000);
  assert.is(row!.d, 2000);
  assert.ok(row!.transactions < 50, `${row!.transactions} commits`);
  await outbox.close();
  await pool.end();
});

test('more events than may wait are refused with 503, and those that were taken are stored', async () => {
  const outbox = createOutbox(app, { maxQueue: 10, maxBatch: 5, lanes: 1 });
  const results = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => outbox.append(`{"full":${i}}`)));
  const refused = results.filter((result) => result.status === 'rejected');
  assert.ok(refused.length > 0);
  assert.ok(refused.every(({ reason }) => (reason as { status: number }).status === 503));
  await outbox.close();
  const [row] = await owner.unsafe<{ n: number }[]>(`select count(*)::int as n from audit.event where body like '{"full"%'`);
  assert.is(row!.n, 40 - refused.length);
});

test('a database that forgets commits is refused', async () => {
  await assertDurable(app);
  const forgetful = createPool(database.ownerUrl, { max: 1, application: 'test' });
  await forgetful.unsafe('set synchronous_commit = off');
  let message = '';
  await assertDurable(forgetful).catch((error: Error) => (message = error.message));
  await forgetful.end();
  assert.match(message, /synchronous_commit = off/);
});

test.run();
