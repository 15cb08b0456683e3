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

test.run();
