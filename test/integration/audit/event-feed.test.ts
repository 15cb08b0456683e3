import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Cursor, type FedEvent, isFull, nextEvents, START } from '../../../fhir/audit/event-feed.ts';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

const KB = 1024;

let server: TestPostgres;
let database: TestDatabase;
let relay: Sql;
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  relay = createPool(database.relayUrl, { max: 1, application: 'test' });
  const app = createPool(database.appUrl, { max: 1, application: 'test' });
  await app.unsafe(`insert into audit.event (body) select repeat('é', n / 2) from unnest($1::int[]) as n`, [
    `{${[KB, KB, KB, 50 * KB, KB, KB, KB].join(',')}}`,
  ]);
  await app.end();
  await database.settled();
});
test.after(async () => {
  await relay.end();
  await database.drop();
  await server.stop();
});

const fetchAll = async (limits: { readonly events: number; readonly bytes: number }): Promise<number[][]> => {
  const fetched: number[][] = [];
  for (let cursor: Cursor = START; ;) {
    const events: FedEvent[] = await nextEvents(relay, cursor, limits);
    if (events.length === 0) return fetched;
    fetched.push(events.map(({ body }) => Buffer.byteLength(body) / KB));
    cursor = events.at(-1)!;
  }
};

test('no more is fetched at once than the bytes allow, and one event alone however large it is', async () => {
  assert.equal(await fetchAll({ events: 100, bytes: 3 * KB }), [[1, 1, 1], [50], [1, 1, 1]]);
  assert.equal(await fetchAll({ events: 100, bytes: 4 * KB }), [
    [1, 1, 1, 50],
    [1, 1, 1],
  ]);
  assert.equal(await fetchAll({ events: 100, bytes: 1 }), [[1], [1], [1], [50], [1], [1], [1]]);
});

test('no more than so many events are fetched at once', async () => {
  assert.equal(await fetchAll({ events: 3, bytes: 1000 * KB }), [[1, 1, 1], [50, 1, 1], [1]]);
});

test('it is known whether more may be there', async () => {
  const fullAt = async (limits: { readonly events: number; readonly bytes: number }): Promise<boolean> =>
    isFull(await nextEvents(relay, START, limits), limits);
  assert.is(await fullAt({ events: 3, bytes: 1000 * KB }), true);
  assert.is(await fullAt({ events: 100, bytes: 4 * KB }), true);
  assert.is(await fullAt({ events: 100, bytes: 1000 * KB }), false);
});

test('events come as they are stored, to the byte and the microsecond', async () => {
  const database = await server.createDatabase();
  const [owner, reader] = [database.ownerUrl, database.relayUrl].map((url) => createPool(url, { max: 1, application: 'test' })) as [
    Sql,
    Sql,
  ];
  try {
    const times = ['2026-11-24 13:55:15.123456+00', '2026-11-24 13:55:15.5+00', '2026-11-24 13:55:15+00', '2026-11-24 23:30:00.000001+02'];
    const bodies = ['{"a":"é \\\\ p"}', 'two\nlines\r\n', '', 'j "x" 1 2'];
    for (const [i, body] of bodies.entries()) {
      await owner.unsafe('insert into audit.event (recorded, body) values ($1::text::timestamptz, $2)', [times[i]!, body]);
    }
    await database.settled();
    const stored = await owner.unsafe<{ xid: string; seq: number; recorded: string; body: string; age: number }[]>(
      `select xid::text as xid, seq, to_char(recorded at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded, body,
  (extract(epoch from clock_timestamp() - recorded))::double precision as age from audit.event order by event.xid, event.seq`,
    );
    const events = await nextEvents(reader, START, { events: 100, bytes: 1000 * KB });
    assert.equal(
      events.map(({ xid, seq, recorded, body }) => ({ xid, seq, recorded, body })),
      stored.map(({ xid, seq, recorded, body }) => ({ xid, seq, recorded, body })),
    );
    for (const [i, { ageMs }] of events.entries()) assert.ok(Math.abs(ageMs / 1000 - stored[i]!.age) < 10, `${ageMs} ms`);
  } finally {
    await Promise.all([owner.end(), reader.end()]);
    await database.drop();
  }
});

test.run();
