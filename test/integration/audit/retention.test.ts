import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { anEvent } from '../../support/audit-events.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { type RelayFolder, relayFolder } from '../../support/relay.ts';
import { eventually } from '../../support/stack.ts';

let server: TestPostgres;
let database: TestDatabase;
let owner: Sql;
let relay: Sql;
let folder: RelayFolder;

test.before.each(async () => {
  server ??= await startPostgres();
  database = await server.createDatabase();
  owner = createPool(database.ownerUrl, { max: 2, application: 'test' });
  relay = createPool(database.relayUrl, { max: 1, application: 'test' });
  folder = relayFolder(database);
});

test.after.each(async () => {
  await Promise.all([owner.end(), relay.end()]);
  folder.remove();
  await database.drop();
});

test.after(() => server.stop());

/** Events of an hour that began `hoursAgo`, in a partition of their own unless in the default one. */
const record = async (hoursAgo: number, events: number, where: 'partition' | 'default' = 'partition'): Promise<void> => {
  const from = `date_trunc('hour', now(), 'UTC') - ${hoursAgo} * interval '1 hour'`;
  const [row] = await owner.unsafe<{ name: string; low: string; high: string }[]>(
    `select 'event_' || to_char((${from}) at time zone 'utc', 'YYYYMMDDHH24') as name, (${from})::text as low, (${from} + interval '1 hour')::text as high`,
  );
  if (where === 'partition')
    await owner.unsafe(`create table audit.${row!.name} partition of audit.event for values from ('${row!.low}') to ('${row!.high}')`);
  await owner.unsafe(
    `insert into audit.event (recorded, body) select ${from} + interval '1 minute', $1 from generate_series(1, ${events})`,
    [anEvent()],
  );
};

const stored = async (): Promise<number> => (await owner.unsafe<{ n: number }[]>('select count(*)::int as n from audit.event'))[0]!.n;
const drop = async (hours: number): Promise<number> =>
  (await relay.unsafe<{ n: number }[]>(`select audit.drop_sealed(${hours} * interval '1 hour') as n`))[0]!.n;

/** Seals all that is there, without dropping anything. */
const seal = async (events: number): Promise<void> => {
  const running = await folder.start({ env: { AUDIT_DATABASE_HOURS: '1000' } });
  await eventually('sealed', async () => (await folder.verify()).events === events);
  await running.stop();
};

test('drops hours that are sealed and old enough, and nothing else; the sealed log stays whole and goes on', async () => {
  await record(30, 5);
  await record(3, 7);
  await owner.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
  assert.is(await drop(1), 0);
  await seal(13);
  assert.is(await drop(24), 1);
  assert.is(await stored(), 8);
  assert.is(await drop(2), 1);
  assert.is(await drop(0), 0, 'the present hour');
  assert.is(await drop(-48), 0, 'nor those to come');
  assert.is(await stored(), 1);
  await record(30, 2);
  assert.is(await drop(24), 0, 'not sealed');
  await seal(15);
  assert.equal((await folder.verify()).problems, []);
});

test('a relay drops them by itself, and goes on while somebody holds a table', async () => {
  await record(30, 5);
  await seal(5);
  const reader = await owner.reserve();
  await reader.unsafe('begin');
  await reader.unsafe('select count(*) from audit.event');
  let running = await folder.start();
  await owner.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
  await eventually('sealed', async () => (await folder.verify()).events === 6);
  assert.is(await stored(), 6);
  await reader.unsafe('rollback');
  reader.release();
  await running.stop();
  running = await folder.start();
  await eventually('dropped', async () => (await stored()) === 1);
  await eventually('said', () => Promise.resolve(folder.log().includes('sealed hours dropped')));
  await running.stop();
  assert.equal((await folder.verify()).problems, []);
});

test('keeps what is still to be told to Subscriptions', async () => {
  await record(30, 5);
  await seal(5);
  await owner.unsafe(`update fhir.subscription_cursor set xid = '3'`);
  await owner.unsafe(`insert into fhir.subscription (rid, client, scopes) values (1, 'c', '[]')`);
  assert.is(await drop(24), 0);
  await owner.unsafe(`update fhir.subscription_cursor set xid = pg_current_xact_id()`);
  assert.is(await drop(24), 1);
});

test('an hour without a partition of its own goes by the default one, which is there again, and guarded', async () => {
  await record(30, 5, 'default');
  await record(2, 1, 'default');
  await seal(6);
  assert.is(await drop(24), 0, 'one is younger');
  assert.is(await drop(1), 1);
  assert.is(await stored(), 0);
  await record(2, 1, 'default');
  for (const text of ['delete from audit.event_default', 'truncate audit.event_default', `update audit.event set body = ''`]) {
    const state = await owner.unsafe(text).then(
      () => 'allowed',
      (error: { code?: string }) => error.code,
    );
    assert.is(state, '42501', text);
  }
});

test('forgets all segments but the last, after which sealing goes on', async () => {
  for (let events = 1; events <= 3; events++) {
    await owner.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
    await seal(events);
  }
  const forget = async (hours: number): Promise<number> =>
    (await relay.unsafe<{ n: number }[]>(`select audit.forget_segments(${hours} * interval '1 hour') as n`))[0]!.n;
  assert.is(await forget(1), 0, 'none is so old');
  assert.is(await forget(0), 2);
  assert.is(await forget(0), 0);
  await owner.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
  await seal(4);
  assert.equal((await folder.verify()).problems, []);
});

test('makes hours ahead, where no day of an older release has them', async () => {
  const add = async (): Promise<number> => (await relay.unsafe<{ n: number }[]>('select audit.add_partitions(6) as n'))[0]!.n;
  const names = async (): Promise<string[]> =>
    (
      await owner.unsafe<{ name: string }[]>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit.event'::regclass`,
      )
    ).map(({ name }) => name);
  const before = await names();
  assert.ok(before.length >= 8, before.join());
  assert.ok(before.every((name) => /^audit\.event_(?:default|\d{10})$/.test(name)));
  for (const name of before.filter((each) => /\d/.test(each))) await owner.unsafe(`drop table ${name}`);
  await owner.unsafe(`do $f$ begin execute format('create table audit.event_%s partition of audit.event for values from (%L) to (%L)',
    to_char(now() at time zone 'utc', 'YYYYMMDD'), date_trunc('day', now(), 'UTC'), date_trunc('day', now(), 'UTC') + interval '1 day'); end $f$`);
  const [left] = await owner.unsafe<{ hours: number }[]>(`select (23 - extract(hour from now() at time zone 'utc'))::int as hours`);
  assert.is(await add(), Math.max(0, 6 - left!.hours));
});

test.run();
