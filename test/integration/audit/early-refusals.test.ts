import { once } from 'node:events';
import { get, type IncomingMessage, request as ask } from 'node:http';
import { text as textOf } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/stack.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let sql: postgres.Sql;
let fhir: FhirProcess;
test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  sql = postgres(database.ownerUrl, { max: 1 });
  fhir = await startFhir(database.appUrl, { BACKGROUND: 'off' });
});
test.after(async () => {
  await fhir.stop();
  await sql.end();
  await database.drop();
  await cluster.stop();
});

type Event = Readonly<Record<string, unknown>>;
const eventsOf = async (request: string): Promise<Event[]> =>
  (await sql<{ body: string }[]>`select body from audit.event`)
    .map(({ body }) => JSON.parse(body) as Event)
    .filter((event) => event['request'] === request);

interface Refusal {
  readonly path: string;
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** Of the answer and of the event. */
  readonly status: number;
  readonly event: Event;
}

const READ = { kind: 'read', action: 'R', interaction: 'read', resource: 'Patient/a', reason: 'not-acceptable' };
const UNKNOWN = { kind: 'deny', action: 'E', interaction: 'unknown' };
const REFUSALS: Readonly<Record<string, Refusal>> = {
  'an Accept that none can serve': { path: '/Patient/a', method: 'GET', headers: { accept: 'text/csv' }, status: 406, event: READ },
  'such a _format': { path: '/Patient/a?_format=csv', method: 'GET', status: 406, event: READ },
  'a Content-Type that none can read': {
    path: '/Patient',
    method: 'POST',
    headers: { 'content-type': 'text/csv' },
    body: 'Jones',
    status: 415,
    event: { kind: 'write', action: 'C', interaction: 'create', address: 'Patient', reason: 'unsupported-media-type' },
  },
  'a method that the address has not': {
    path: '/Patient/a/_history',
    method: 'DELETE',
    status: 405,
    event: { ...UNKNOWN, reason: 'method-not-allowed' },
  },
  'what a page of another site sends as text': {
    path: '/Binary',
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
    body: 'Jones',
    status: 403,
    event: { kind: 'write', action: 'C', interaction: 'create', address: 'Binary', reason: 'forbidden' },
  },
  'an address that is none': {
    path: '/Patient/a/b/c/Jones?name=Jones',
    method: 'GET',
    status: 404,
    event: { ...UNKNOWN, reason: 'not-found' },
  },
};
for (const [what, { path, method, headers, body, status, event }] of Object.entries(REFUSALS))
  test(`the refusal of ${what} is in the trail once, before it is answered, and names no value`, async () => {
    const request = `refused-${status}-${path.length}`;
    const answer = await fhir.request(path, {
      method,
      headers: { 'x-request-id': request, ...headers },
      ...(body !== undefined && { body }),
    });
    assert.is(answer.status, status, answer.text);
    const found = await eventsOf(request);
    assert.is(found.length, 1);
    const { id, at, ...fields } = found[0]!;
    assert.ok(typeof id === 'string' && typeof at === 'string');
    assert.equal(fields, { outcome: 4, status, request, client: 'anonymous', ...event });
    assert.not.match(JSON.stringify(fields), /Jones|csv/);
  });

test('an answer that was given has its own event and no other', async () => {
  const { status } = await fhir.request('/Patient/nobody', { headers: { 'x-request-id': 'served' } });
  assert.is(status, 404);
  assert.is((await eventsOf('served')).length, 1);
});

// What the HTTP below the application would answer by itself; fetch doesn't send such headers.
for (const [what, headers, status, reason] of [
  ['several hosts', { host: 'localhost,elsewhere' }, 400, 'invalid'],
  ["an Expect that isn't understood", { expect: '200-ok' }, 404, 'not-found'],
] as const)
  test(`${what}: an OperationOutcome, and in the trail once`, async () => {
    const request = get(`${fhir.url}/Patient/nobody`, { headers: { 'x-request-id': what, ...headers } });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    assert.is(answer.statusCode, status);
    assert.match(await textOf(answer), /OperationOutcome/);
    const [event, ...more] = await eventsOf(what);
    assert.equal(more, []);
    assert.equal([event!['status'], event!['resource'], event!['reason']], [status, 'Patient/nobody', reason]);
  });

for (const [what, path, headers] of [
  ['with its length told', '/Binary/cut', { 'content-type': 'text/plain', 'content-length': '500' }],
  ['in chunks', '/Binary/cut', { 'content-type': 'text/plain' }],
  ['zipped', '/Binary/cut', { 'content-type': 'text/plain', 'content-encoding': 'gzip' }],
  ['of a Bundle', '', { 'content-type': 'application/fhir+json' }],
] as const)
  test(`a body ${what} that ends before its end stores nothing, and the trail has the client's fault, once`, async () => {
    const request = `cut-${what}`;
    const sent = ask(`${fhir.url}${path}`, { method: path === '' ? 'POST' : 'PUT', headers: { ...headers, 'x-request-id': request } });
    sent.on('error', () => undefined);
    sent.write('{"resourceType": "Bundle"');
    await sleep(100);
    sent.destroy();
    await eventually('the event', async () => (await eventsOf(request)).length > 0, 5000);
    const [event, ...more] = await eventsOf(request);
    assert.equal([event!['status'], event!['reason'], more], [400, 'invalid', []]);
    assert.is((await fhir.request('/Binary/cut')).status, 404);
  });

test.run();
