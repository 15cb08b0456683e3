import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { eventually } from '../../support/stack.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
let fhir: FhirProcess;
let slow: postgres.Sql;

test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  fhir = await startFhir(database.appUrl);
  slow = postgres(database.appUrl, { max: 1 });
});

test.after(async () => {
  await slow.end();
  await fhir.stop();
  await database.drop();
  await server.stop();
});

test('a feed leaves out what came after a transaction that has not ended, and tells until when it is complete', async () => {
  const put = (id: string): Promise<unknown> =>
    fhir.request(`/Basic/${id}`, { method: 'PUT', body: { resourceType: 'Basic', id, code: { text: 'x' } } });
  const seen = async (): Promise<string[]> =>
    ((await fhir.request('/Basic/_history')).json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id);
  await put('before');
  // Others of this PostgreSQL may have a transaction open for longer than a feed waits: then its newest versions come with the next question.
  const shows = (expected: readonly string[]): Promise<void> =>
    eventually(expected.join(), async () => (await seen()).join() === expected.join());
  await shows(['before']);

  const begun = Date.now();
  let end: () => void = () => undefined;
  const transaction = slow.begin(async (tx) => {
    await tx`select pg_current_xact_id()`;
    await new Promise<void>((resolve) => (end = resolve));
  });
  try {
    await new Promise((resolve) => setTimeout(resolve, 100));
    await put('after');
    assert.equal(await seen(), ['before']);
    const { meta } = (await fhir.request('/_history')).json;
    assert.ok(Date.parse(meta.lastUpdated) < begun, 'a poller asks again from before the slow transaction');
    const waiting = shows(['after', 'before']);
    await new Promise((resolve) => setTimeout(resolve, 200));
    end();
    await waiting;
  } finally {
    end();
    await transaction;
  }
});

test('each version tells the status that it was answered with, and the update that brings a deleted resource back made it', async () => {
  const answered: string[] = [];
  for (const code of ['a', 'b', undefined, 'c', 'd']) {
    const body = { resourceType: 'Basic', id: 'revived', code: { text: code } };
    const request = code === undefined ? { method: 'DELETE' } : { method: 'PUT', body };
    answered.push(String((await fhir.request('/Basic/revived', request)).status));
  }
  assert.equal(answered, ['201', '200', '204', '201', '200']);

  type Entry = { response: { status: string } };
  const told = async (query: string): Promise<string[]> =>
    (await fhir.request(`/Basic/revived/_history${query}`)).json.entry.map(({ response }: Entry) => response.status);
  assert.equal((await told('')).toReversed(), answered);
  assert.equal(await told('?_count=2'), ['200', '201'], 'the deletion is on the next page');
});

test.run();
