/** Three server processes on one PostgreSQL, one of them with a single connection for each purpose. */
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

const CLIENTS = 16;

let cluster: TestPostgres;
let database: TestDatabase;
let servers: FhirProcess[];

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  servers = await Promise.all(['1', '6', '6'].map((pool) => startFhir(database.appUrl, { DATABASE_POOL: pool })));
});

test.after(async () => {
  await Promise.all(servers.map(({ stop }) => stop()));
  await database.drop();
  await cluster.stop();
});

const server = (n: number): FhirProcess => servers[n % servers.length]!;
const everybody = (ask: (n: number) => Promise<Answer>): Promise<Answer[]> =>
  Promise.all(Array.from({ length: CLIENTS * 3 }, (_, n) => ask(n)));
const countBy = (answers: readonly Answer[], status: number): number => answers.filter((answer) => answer.status === status).length;
const identified = (value: string): object => ({ identifier: [{ system: 'urn:t', value }] });

test('of conditional creates on three servers exactly one creates', async () => {
  const body = { resourceType: 'Patient', ...identified('create') };
  const headers = { 'if-none-exist': 'identifier=urn:t|create' };
  const answers = await everybody((n) => server(n).request('/Patient', { body, headers }));
  assert.is(countBy(answers, 201), 1);
  assert.is(countBy(answers, 200), answers.length - 1);
  assert.is(new Set(answers.map(({ json }) => json.id)).size, 1);
  assert.is((await server(0).request('/Patient?identifier=urn:t|create')).json.total, 1);
});

test('criteria that say the same in another order, and in a Bundle, meet the same lock', async () => {
  const resource = { resourceType: 'Patient', active: true, ...identified('order') };
  const forms = [
    'identifier=urn:t|order&active=true',
    'active=true&identifier=urn:t|order',
    'identifier=urn:t%7Corder&active=true',
    'identifier=order',
  ];
  const answers = await everybody((n) => {
    const ifNoneExist = forms[n % forms.length]!;
    const entry = [{ resource, request: { method: 'POST', url: 'Patient', ifNoneExist } }];
    return n % 2 === 0
      ? server(n).request('/Patient', { body: resource, headers: { 'if-none-exist': ifNoneExist } })
      : server(n).request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  });
  assert.is(
    answers.every(({ status }) => status === 200 || status === 201),
    true,
    answers.find(({ status }) => status >= 400)?.text,
  );
  assert.is((await server(0).request('/Patient?identifier=urn:t|order')).json.total, 1);
});

test('of conditional updates on three servers one creates, and every other is a version or says conflict', async () => {
  const answers = await everybody((n) =>
    server(n).request('/Device?identifier=urn:t|update', {
      method: 'PUT',
      body: { resourceType: 'Device', ...identified('update'), lotNumber: String(n) },
    }),
  );
  assert.is(countBy(answers, 201), 1);
  assert.is(countBy(answers, 200), answers.length - 1, answers.find(({ status }) => status >= 400)?.text);
  const found = (await server(0).request('/Device?identifier=urn:t|update')).json;
  assert.is(found.total, 1);
  assert.is(found.entry[0].resource.meta.versionId, String(answers.length));
});

test('of updates with the same If-Match exactly one wins', async () => {
  await server(0).request('/Basic/race', { method: 'PUT', body: { resourceType: 'Basic', id: 'race', code: { text: 'start' } } });
  const answers = await everybody((n) =>
    server(n).request('/Basic/race', {
      method: 'PUT',
      headers: { 'if-match': 'W/"1"' },
      body: { resourceType: 'Basic', id: 'race', code: { text: String(n) } },
    }),
  );
  assert.is(countBy(answers, 200), 1);
  assert.is(countBy(answers, 412), answers.length - 1);
  assert.is((await server(1).request('/Basic/race')).json.meta.versionId, '2');
});

test('of deletes and patches with the same If-Match exactly one wins', async () => {
  await server(0).request('/Basic/both', { method: 'PUT', body: { resourceType: 'Basic', id: 'both', code: { text: 'start' } } });
  const headers = { 'if-match': 'W/"1"' };
  const answers = await everybody((n) =>
    n % 2 === 0
      ? server(n).request('/Basic/both', { method: 'DELETE', headers })
      : server(n).request('/Basic/both', {
          method: 'PATCH',
          headers: { ...headers, 'content-type': 'application/json-patch+json' },
          body: JSON.stringify([{ op: 'replace', path: '/code/text', value: String(n) }]),
        }),
  );
  assert.is(answers.filter(({ status }) => status < 300).length, 1);
  assert.is(countBy(answers, 412), answers.length - 1);
});

test('Bundles that write the same resources in opposite order all get through, with and without conditions', async () => {
  const put = (id: string, n: number): object => ({
    resource: { resourceType: 'Basic', id, code: { text: String(n) } },
    request: { method: 'PUT', url: `Basic/${id}` },
  });
  for (const id of ['x', 'y', 'z']) {
    const { resource } = put(id, -1) as { resource: object };
    await server(0).request(`/Basic/${id}`, { method: 'PUT', body: resource });
  }
  const orders = [
    ['x', 'y', 'z'],
    ['z', 'y', 'x'],
    ['y', 'x', 'z'],
  ];
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => {
      const entry = orders[n % 3]!.map((id) => put(id, n));
      const read = { request: { method: 'GET', url: 'Basic/x' } };
      return server(n).request('', {
        body: { resourceType: 'Bundle', type: 'transaction', entry: n % 2 === 0 ? entry : [...entry, read] },
      });
    }),
  );
  assert.equal(
    answers.filter(({ status }) => status !== 200).map(({ text }) => text),
    [],
  );
  const texts = await Promise.all(['x', 'y', 'z'].map(async (id) => (await server(0).request(`/Basic/${id}`)).json.code.text as string));
  assert.is(new Set(texts).size, 1, 'one Bundle came last, as a whole');
});

test('deletes and updates in opposite order end without a deadlock', async () => {
  const answers = await Promise.all(
    Array.from({ length: 9 }, (_, n) => {
      const [gone, kept] = n % 2 === 0 ? ['p', 'q'] : ['q', 'p'];
      const entry = [
        { resource: { resourceType: 'Basic', id: kept, code: { text: String(n) } }, request: { method: 'PUT', url: `Basic/${kept}` } },
        { request: { method: 'DELETE', url: `Basic/${gone}` } },
        { request: { method: 'GET', url: `Basic/${kept}` } },
      ];
      return server(n).request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
    }),
  );
  assert.equal(
    answers.filter(({ status }) => status !== 200).map(({ text }) => text),
    [],
  );
});

test('a read within a transaction has its event there too, and asks for no second connection', async () => {
  const put = { resource: { resourceType: 'Basic', id: 'with', code: { text: 'x' } }, request: { method: 'PUT', url: 'Basic/with' } };
  const read = { request: { method: 'GET', url: 'Basic/with' } };
  const answer = await server(0).request('', { body: { resourceType: 'Bundle', type: 'transaction', entry: [put, read] } });
  assert.is(answer.json.entry[1].resource.id, 'with');
  const sql = postgres(database.readUrl, { max: 1 });
  const rows =
    await sql`select count(*)::int as events, count(distinct xid::text)::int as transactions from audit.event where body like '%Basic/with%'`;
  await sql.end();
  assert.equal({ ...rows[0] }, { events: 2, transactions: 1 });
});

test('no server has logged a fault', () => {
  assert.equal(
    servers.flatMap(({ log }) => log.filter((line) => line.includes('request failed'))),
    [],
  );
});

test.run();
