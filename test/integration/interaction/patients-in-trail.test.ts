import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classify } from '../../../proto/access/interaction.ts';
import { parseScopes } from '../../../proto/access/scope.ts';
import type { Call } from '../../../fhir/http/call.ts';
import { answer } from '../../../fhir/interaction/answer.ts';
import { openServer } from '../../../fhir/open-server.ts';
import type { Server } from '../../../fhir/server.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let opened: { server: Server; close: () => Promise<void> };
let owner: postgres.Sql;
const baseUrl = 'http://localhost/fhir';

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  opened = await openServer({ databaseUrl: database.appUrl, pool: 2, baseUrl });
  owner = postgres(database.ownerUrl, { max: 1 });
});

test.after(async () => {
  await owner.end();
  await opened.close();
  await database.drop();
  await cluster.stop();
});

let requests = 0;

interface Asked {
  readonly status: number;
  readonly text: string;
  /** Of the last event of this request. */
  readonly patients: readonly string[];
}

const ask = async (method: string, path: string, { body, query = '' }: { body?: object | string; query?: string } = {}): Promise<Asked> => {
  const requestId = `r${++requests}`;
  const call: Call = {
    target: classify(method, path)!,
    identity: {
      client: 'test',
      fingerprint: undefined,
      requestId,
      scopes: parseScopes(['system/*.cruds']),
      operations: ['*'],
    },
    requestId,
    header: () => undefined,
    prefer: { return: undefined, lenient: false, respondAsync: false },
    isPost: method === 'POST',
    query,
    text: () => Promise.resolve(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)),
  };
  const { status, body: text } = await answer(opened.server, call, () => undefined);
  const [row] = await owner<{ patients: string[] | null }[]>`select body::jsonb->'patients' as patients from audit.event
    where body::jsonb->>'request' = ${requestId} order by seq desc limit 1`;
  return { status, text: text ?? '', patients: row?.patients ?? [] };
};

const observation = (id: string, reference: string): string =>
  `{"resourceType":"Observation","id":"${id}","status":"final","code":{"text":"x"},"subject":{"reference":"${reference}"}}`;

test('names the patient of every resource that is shown, however its reference is written', async () => {
  for (const [id, reference] of Object.entries({
    plain: 'Patient/p',
    absolute: `${baseUrl}/Patient/p`,
    versioned: 'Patient/p/_history/1',
    escaped: String.raw`Patient\/p`,
    coded: String.raw`\u0050atient/p`,
  })) {
    assert.is((await ask('PUT', `/Observation/${id}`, { body: observation(id, reference) })).status, 201);
    for (const path of [`/Observation/${id}`, `/Observation/${id}/_history`, `/Observation/${id}/$validate`, `/Observation/${id}/$meta`]) {
      const { status, patients, text } = await ask('GET', path);
      assert.is(status, 200, text);
      assert.equal(patients, ['Patient/p'], `${path} ${reference}`);
    }
  }
  await database.settled();
  assert.equal((await ask('GET', '/Observation/_history')).patients, ['Patient/p']);
  await ask('PUT', '/Observation/other', { body: observation('other', 'https://elsewhere.org/fhir/Patient/p') });
  assert.equal((await ask('GET', '/Observation/other')).patients, []);
});

test('names every patient of a page', async () => {
  const entry = Array.from({ length: 250 }, (_, i) => ({
    resource: { resourceType: 'Patient', id: `many-${i}` },
    request: { method: 'PUT', url: `Patient/many-${i}` },
  }));
  assert.is((await ask('POST', '/', { body: { resourceType: 'Bundle', type: 'transaction', entry } })).status, 200);
  assert.is((await ask('GET', '/Patient', { query: '_count=1000' })).patients.length, 250);
  await database.settled();
  assert.is((await ask('GET', '/_history', { query: '_count=1000' })).patients.length, 251);
});

test('names every patient that a write is about, and says how many where those are more than an event names', async () => {
  const group = (members: number): object => ({
    resourceType: 'Group',
    id: 'g',
    type: 'person',
    actual: true,
    member: Array.from({ length: members }, (_, i) => ({ entity: { reference: `Patient/m${i}` } })),
  });
  const { status, text, patients } = await ask('PUT', '/Group/g', { body: group(30) });
  assert.is(status, 201, text);
  assert.is(patients.length, 30);
  assert.is((await ask('PUT', '/Group/g', { body: group(6500) })).patients.length, 6000);
  const [row] = await owner`select body::jsonb->'patientCount' as count from audit.event order by xid desc, seq desc limit 1`;
  assert.is(row!['count'], 6500);
});

test.run();
