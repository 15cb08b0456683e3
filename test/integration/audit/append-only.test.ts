import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
const open: postgres.Sql[] = [];
const as = (url: string): postgres.Sql => {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  open.push(sql);
  return sql;
};

test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  await as(database.ownerUrl).unsafe(`insert into audit.event (body) values ('{"n":1}')`);
});

test.after(async () => {
  await Promise.all(open.map((sql) => sql.end()));
  await database.drop();
  await server.stop();
});

/** The SQLSTATE that a statement is refused with, or what it returned. */
const outcome = (sql: postgres.Sql, text: string): Promise<unknown> =>
  sql.unsafe(text).then(
    (rows) => `allowed: ${JSON.stringify(rows)}`,
    (error: { code?: string }) => error.code,
  );

const DENIED = '42501';

for (const role of ['fhir_app', 'gateway_audit'] as const) {
  test(`${role} may insert a body, and nothing else`, async () => {
    const sql = as(role === 'fhir_app' ? database.appUrl : database.gatewayUrl);
    assert.is((await sql.unsafe(`insert into audit.event (body) values ('{}')`)).count, 1);
    for (const text of [
      `insert into audit.event (xid, body) values ('3', '{}')`,
      `insert into audit.event (seq, body) values (3, '{}')`,
      `insert into audit.event (recorded, body) values (now(), '{}')`,
      'select body from audit.event',
      `update audit.event set body = ''`,
      'delete from audit.event',
      'truncate audit.event',
      'drop table audit.event',
      'alter table audit.event disable trigger all',
      `insert into audit.event_default (body) values ('{}')`,
      'select * from audit.segment',
      'select audit.add_partitions(1)',
      `select audit.drop_sealed('1 hour')`,
      `select audit.forget_segments('1 hour')`,
      `select setval('audit.event_seq', 1)`,
    ]) {
      assert.is(await outcome(sql, text), DENIED, text);
    }
  });
}

test('the relay may read events and write down what it has sealed, and changes neither', async () => {
  const sql = as(database.relayUrl);
  assert.ok((await sql.unsafe('select body from audit.event')).length > 0);
  for (const text of [
    `insert into audit.event (body) values ('{}')`,
    'delete from audit.event',
    'update audit.segment set count = 1',
    'delete from audit.sealed',
    'delete from audit.leader',
  ]) {
    assert.is(await outcome(sql, text), DENIED, text);
  }
});

test('a superuser changes no event, not even as a replica', async () => {
  const sql = as(database.ownerUrl);
  const partitions = await sql<{ name: string }[]>`select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'audit.event'::regclass`;
  assert.ok(partitions.length >= 8);
  const before = await sql.unsafe('select * from audit.event order by seq');
  for (const replication of ['origin', 'replica']) {
    await sql.unsafe(`set session_replication_role = ${replication}`);
    for (const table of ['audit.event', ...partitions.map(({ name }) => name)]) {
      const isEmpty = (await sql.unsafe(`select 1 from ${table} limit 1`)).length === 0;
      // Row triggers need a row.
      if (!isEmpty) {
        assert.is(await outcome(sql, `update ${table} set body = ''`), DENIED, `${replication} update ${table}`);
        assert.is(await outcome(sql, `delete from ${table}`), DENIED, `${replication} delete ${table}`);
      }
      assert.is(await outcome(sql, `truncate ${table}`), DENIED, `${replication} truncate ${table}`);
    }
  }
  await sql.unsafe('set session_replication_role = origin');
  assert.equal(await sql.unsafe('select * from audit.event order by seq'), before);
});

test('partitions made later are guarded like the first', async () => {
  const sql = as(database.ownerUrl);
  assert.ok(Number((await as(database.relayUrl).unsafe('select audit.add_partitions(9) as n'))[0]!['n']) >= 2);
  const unguarded = await sql.unsafe(`select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.event'::regclass
    and 2 <> (select count(*) from pg_trigger where tgrelid = inhrelid and tgenabled = 'A')`);
  assert.equal([...unguarded], []);
});

test.run();
