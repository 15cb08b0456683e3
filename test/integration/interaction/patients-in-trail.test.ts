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
  /** The last event of this request, and its patients. */
  readonly event: Readonly<Record<string, unknown>>;
  readonly patients: readonly string[];
}

interface Asking {
  readonly body?: object | string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const ask = async (method: string, path: string, asking: Asking = {}): Promise<Asked> => {
  const call = callOf(method, path, asking);
  const { status, body: text } = await answer(opened.server, call, () => undefined);
  const rows = await owner<
    { body: string }[]
  >`select body from audit.event where body::jsonb->>'request' = ${call.requestId} order by seq desc`;
  if (method === 'GET') assert.is(rows.length, 1, `events of ${path}`);
  const event = JSON.parse(rows[0]!.body) as Asked['event'];
  return { status, text: text ?? '', event, patients: (event['patients'] as string[] | undefined) ?? [] };
};

const callOf = (method: string, path: string, { body, query = '', headers = {} }: Asking = {}): Call => {
  const requestId = `r${++requests}`;
  return {
    target: classify(method, path)!,
    identity: {
      client: 'test',
      fingerprint: undefined,
      requestId,
      scopes: parseScopes(['system/*.cruds']),
      operations: ['*'],
    },
    requestId,
    header: (name) => headers[name],
    prefer: { return: undefined, lenient: false, respondAsync: false },
    isPost: method === 'POST',
    query,
    text: () => Promise.resolve(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)),
  };
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

test('says of a read the same, in the same order, whether it is recorded with the read or after it', async () => {
  const subject = { reference: 'Patient/p' };
  const resources: Record<string, object | string> = {
    'Patient/p': {},
    'Patient/linked': { link: [{ type: 'seealso', other: { reference: 'Patient/p' } }] },
    'Observation/nobody': { status: 'final', code: { text: 'x' } },
    'Observation/once': { status: 'final', code: { text: 'x' }, subject },
    'Observation/accented': { status: 'final', code: { text: 'größer 🩺' }, subject },
    'Observation/quoted': { status: 'final', code: { text: 'a "b" \\ c' }, subject },
    'Observation/spaced':
      '{"resourceType":"Observation","id":"spaced","status":"final","code":{"text":"x"},"subject":{"reference" : "Patient/p"}}',
    'Observation/two': { status: 'final', code: { text: 'x' }, subject, performer: [{ reference: 'Patient/q' }] },
    'Observation/twice': { status: 'final', code: { text: 'x' }, subject, performer: [subject] },
    'Observation/mentioned': { status: 'final', code: { text: 'see Patient/p' } },
    'Observation/displayed': { status: 'final', code: { text: 'x' }, subject: { display: 'Patient/p' } },
    'Observation/conditional': { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/p', display: 'Patient/' } },
    'Observation/long': { status: 'final', code: { text: 'x'.repeat(70_000) }, subject },
  };
  for (const [path, content] of Object.entries(resources)) {
    const [resourceType, id] = path.split('/');
    const body = typeof content === 'string' ? content : { resourceType, id, ...content };
    assert.is((await ask('PUT', `/${path}`, { body })).status, 201);
    const together = await ask('GET', `/${path}`);
    const after = await ask('GET', `/${path}`, { headers: { 'if-none-match': 'W/"9"' } });
    assert.is(together.status, 200);
    assert.is(together.text, after.text);
    const told = ({ event }: Asked): string => JSON.stringify({ ...event, id: 0, at: 0, request: 0 });
    assert.is(told(together), told(after));
  }
});

test('answers reads that come together each for itself, and records those that found something', async () => {
  const asked = ['/Patient/p', '/Patient/nobody', '/Observation/once', '/Patient/p', '/Observation/gone'];
  await ask('PUT', '/Observation/gone', { body: observation('gone', 'Patient/p') });
  await ask('DELETE', '/Observation/gone');
  const answers = await Promise.all(Array.from({ length: 20 }, () => asked.map((path) => ask('GET', path))).flat());
  answers.forEach(({ status, event, text }, i) => {
    const path = asked[i % asked.length]!;
    const expected = path.endsWith('nobody') ? 404 : path.endsWith('gone') ? 410 : 200;
    assert.is(status, expected);
    assert.is(event['status'], expected);
    assert.is(`/${event['resource'] as string}`, path);
    if (expected === 200) assert.is((JSON.parse(text) as { id: string }).id, path.split('/')[2]);
  });
});

test('says what was asked for where no resource does: the type searched, the operation called, the compartment', async () => {
  const { id } = JSON.parse((await ask('POST', '/Patient', { body: { resourceType: 'Patient' } })).text) as { id: string };
  const whole = { resourceType: 'Patient', gender: 'unknown' };
  const asked: readonly (readonly [method: string, path: string, address: string | undefined, body?: object])[] = [
    ['GET', '/Observation', 'Observation'],
    ['GET', '/', undefined],
    ['GET', '/Observation/_history', 'Observation/_history'],
    ['GET', '/_history', '_history'],
    ['GET', `/Patient/${id}/Observation`, `Patient/${id}/Observation`],
    ['GET', `/Patient/${id}/*`, `Patient/${id}/*`],
    ['GET', `/Patient/${id}/$everything`, `Patient/${id}/$everything`],
    ['POST', '/Patient/$validate', 'Patient/$validate', whole],
    ['POST', '/Patient', 'Patient', { resourceType: 'Patient', gender: 'none' }],
    ['GET', `/Patient/${id}`, undefined],
    ['GET', `/Patient/${id}/_history/1`, undefined],
    ['PUT', `/Patient/${id}`, undefined, { ...whole, id }],
  ];
  for (const [method, path, address, body] of asked) {
    const { event } = await ask(method, path, body === undefined ? {} : { body });
    assert.is(event['address'], address, `${method} ${path}: ${JSON.stringify(event)}`);
  }
});

test('says which resource a refused transaction was refused for', async () => {
  const refused = async (url: string, method: string, id: object): Promise<Asked['event']> => {
    const entry = [
      { resource: { resourceType: 'Patient', id: 'first' }, request: { method: 'PUT', url: 'Patient/first' } },
      { resource: { resourceType: 'Patient', ...id, gender: 'none' }, request: { method, url } },
    ];
    const { status, event } = await ask('POST', '/', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
    assert.is(status, 400);
    return event;
  };
  assert.is((await refused('Patient/second', 'PUT', { id: 'second' }))['resource'], 'Patient/second');
  assert.is((await refused('Patient', 'POST', {}))['address'], 'Patient');
});

test('answers no read whose event could not be stored', async () => {
  await owner`revoke insert on audit.event from fhir_app`;
  try {
    const refused = await answer(opened.server, callOf('GET', '/Patient/p'), () => undefined);
    assert.is(refused.status, 500);
    assert.not.match(refused.body ?? '', /"Patient"/);
  } finally {
    await owner`grant insert (body) on audit.event to fhir_app`;
  }
});

test.run();
