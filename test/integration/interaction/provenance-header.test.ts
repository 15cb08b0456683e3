/** X-Provenance. Source: http://hl7.org/fhir/R4/provenance.html#header */
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
test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  // What it is of is stored in the same transaction, so that it is there.
  const rules = { conditionalDelete: 'single', referentialIntegrity: true } as const;
  opened = await openServer({ databaseUrl: database.appUrl, pool: 2, baseUrl: 'http://localhost/fhir', rules });
  owner = postgres(database.ownerUrl, { max: 1 });
});
test.after(async () => {
  await owner.end();
  await opened.close();
  await database.drop();
  await cluster.stop();
});

interface Asking {
  readonly body?: object;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly scopes?: readonly string[];
}
let requests = 0;
const ask = async (method: string, path: string, { body, query = '', headers = {}, scopes = ['system/*.cruds'] }: Asking = {}) => {
  const requestId = `r${++requests}`;
  const call: Call = {
    target: classify(method, path)!,
    identity: { client: 'test', fingerprint: undefined, requestId: undefined, scopes: parseScopes(scopes), operations: [] },
    requestId,
    header: (name) => headers[name],
    prefer: { return: undefined, lenient: false, respondAsync: false },
    isPost: method === 'POST',
    query,
    text: () => Promise.resolve(body === undefined ? '' : JSON.stringify(body)),
  };
  const { status, body: text, headers: told } = await answer(opened.server, call, () => undefined);
  const rows = await owner<{ body: string }[]>`select body from audit.event where body::jsonb->>'request' = ${requestId} order by seq`;
  const events = rows.map((row) => {
    const { action, resource, version, status } = JSON.parse(row.body) as Record<string, unknown>;
    return `${String(action)} ${String(resource).replace(/(Provenance)\/.*/, '$1')} ${String(version)} ${String(status)}`;
  });
  return { status, text: text ?? '', location: told['location'], events };
};

const PROVENANCE = { resourceType: 'Provenance', recorded: '2026-01-01T00:00:00Z', agent: [{ who: { display: 'the EHR' } }] };
const withHeader = (more: object = {}, headers: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> => ({
  'x-provenance': JSON.stringify({ ...PROVENANCE, ...more }),
  ...headers,
});
type Found = {
  resource: { target: { reference: string }[]; recorded: string; agent: { who: { reference?: string } }[]; meta: object; id: string };
};
const stored = async (target: string): Promise<Found['resource'][]> => {
  const { text } = await ask('GET', '/Provenance', { query: `target=${target}&_sort=_lastUpdated` });
  return ((JSON.parse(text) as { entry?: Found[] }).entry ?? []).map(({ resource }) => resource);
};
const targetsOf = async (target: string): Promise<string[]> =>
  (await stored(target)).flatMap((each) => each.target.map(({ reference }) => reference));
const count = async (): Promise<number> =>
  (JSON.parse((await ask('GET', '/Provenance', { query: '_summary=count' })).text) as { total: number }).total;
const patient = (id: string | undefined, family: string): object => ({
  resourceType: 'Patient',
  id,
  name: [{ family }],
  identifier: [{ system: 'urn:p', value: family }],
});

test('is stored with each version that it came with, in a transaction and with an event of its own', async () => {
  const created = await ask('PUT', '/Patient/a', { body: patient('a', 'one'), headers: withHeader() });
  assert.equal([created.status, created.events], [201, ['U Patient/a 1 201', 'C Provenance 1 201']], created.text);
  const updated = await ask('PUT', '/Patient/a', { body: patient('a', 'two'), headers: withHeader() });
  assert.equal([updated.status, updated.events], [200, ['U Patient/a 2 200', 'C Provenance 1 201']]);
  const patch = {
    headers: withHeader({}, { 'content-type': 'application/json-patch+json' }),
    body: [{ op: 'add', path: '/active', value: true }],
  };
  assert.is((await ask('PATCH', '/Patient/a', patch)).status, 200);
  const conditional = {
    headers: withHeader({}, { 'content-type': 'application/json-patch+json' }),
    body: [{ op: 'remove', path: '/active' }],
  };
  assert.is((await ask('PATCH', '/Patient', { ...conditional, query: 'identifier=urn:p|two' })).status, 200);
  assert.is(
    (await ask('PUT', '/Patient', { body: patient(undefined, 'five'), query: 'identifier=urn:p|two', headers: withHeader() })).status,
    200,
  );
  assert.equal(
    await targetsOf('Patient/a'),
    ['1', '2', '3', '4', '5'].map((version) => `Patient/a/_history/${version}`),
  );
  const [one] = await stored('Patient/a');
  assert.is(one!.recorded, PROVENANCE.recorded);
});

test('a create tells it the id that the resource got', async () => {
  for (const headers of [withHeader(), withHeader({}, { 'if-none-exist': 'identifier=urn:p|new' })]) {
    const { status, location = '' } = await ask('POST', '/Patient', { body: patient(undefined, 'other'), headers });
    assert.is(status, 201);
    const target = location.replace('http://localhost/fhir/', '');
    assert.equal(await targetsOf(target.split('/_history')[0]!), [target]);
  }
});

test('without a time it was recorded now, and its references may be conditional', async () => {
  await ask('PUT', '/Practitioner/doc', {
    body: { resourceType: 'Practitioner', id: 'doc', identifier: [{ system: 'urn:d', value: '1' }] },
  });
  const headers = withHeader({ recorded: undefined, agent: [{ who: { reference: 'Practitioner?identifier=urn:d|1' } }] });
  const { status, text } = await ask('PUT', '/Patient/now', { body: patient('now', 'now'), headers });
  assert.is(status, 201, text);
  const [one] = await stored('Patient/now');
  assert.ok(Math.abs(Date.parse(one!.recorded) - Date.now()) < 60_000);
  assert.is(one!.agent[0]!.who.reference, 'Practitioner/doc');
});

test('nothing is told of a write that changes nothing or is refused', async () => {
  await ask('PUT', '/Patient/same', { body: patient('same', 'same') });
  const before = await count();
  const calls: readonly (readonly [string, string, Asking, number])[] = [
    ['PUT', '/Patient/same', { body: patient('same', 'same'), headers: withHeader() }, 200],
    ['POST', '/Patient', { body: patient(undefined, 'same'), headers: withHeader({}, { 'if-none-exist': 'identifier=urn:p|same' }) }, 200],
    ['PUT', '/Patient/same', { body: patient('same', 'changed'), headers: withHeader({}, { 'if-match': 'W/"9"' }) }, 412],
    ['PUT', '/Patient/same', { body: { ...patient('same', 'changed'), gender: 'wrong' }, headers: withHeader() }, 400],
  ];
  for (const [method, path, asking, status] of calls) assert.is((await ask(method, path, asking)).status, status);
  assert.is(await count(), before);
});

const bundle = (type: string): object => ({
  resourceType: 'Bundle',
  type,
  entry: [{ resource: patient(undefined, 'x'), request: { method: 'POST', url: 'Patient' } }],
});
const REFUSED: Readonly<Record<string, readonly [string, string, Asking, number, RegExp]>> = {
  'no JSON': ['POST', '/Patient', { headers: { 'x-provenance': '{"resourceType":' } }, 400, /X-Provenance: it is not valid JSON/],
  'no object': ['POST', '/Patient', { headers: { 'x-provenance': '[]' } }, 400, /Provenance as a JSON object/],
  'another type': ['POST', '/Patient', { headers: { 'x-provenance': '{"resourceType":"Patient"}' } }, 400, /resourceType is \\"Patient\\"/],
  'a target of its own': ['POST', '/Patient', { headers: withHeader({ target: [{ reference: 'Patient/1' }] }) }, 400, /leave target out/],
  'what is no valid one': ['POST', '/Patient', { headers: withHeader({ agent: undefined }) }, 400, /agent/],
  'other than ASCII': ['POST', '/Patient', { headers: withHeader({ agent: [{ who: { display: 'Ä' } }] }) }, 400, /not ASCII/],
  'nobody who may create one': [
    'POST',
    '/Patient',
    { headers: withHeader(), scopes: ['system/Patient.cruds'] },
    403,
    /system\/Provenance\.c/,
  ],
  'a reference that leads nowhere': [
    'POST',
    '/Patient',
    { headers: withHeader({ agent: [{ who: { reference: 'Practitioner?identifier=none' } }] }) },
    412,
    /Practitioner/,
  ],
  'a transaction': ['POST', '/', { body: bundle('transaction'), headers: withHeader() }, 400, /make it an entry of its own/],
  'a batch': ['POST', '/', { body: bundle('batch'), headers: withHeader() }, 400, /make it an entry of its own/],
  'a read': ['GET', '/Patient/a', { headers: withHeader() }, 400, /goes with a create, update or patch/],
  'a delete': ['DELETE', '/Patient/a', { headers: withHeader() }, 400, /goes with a create, update or patch/],
  'an operation': ['POST', '/Patient/$validate', { headers: withHeader() }, 400, /goes with a create, update or patch/],
};
for (const [name, [method, path, asking, status, says]] of Object.entries(REFUSED))
  test(`refuses it with ${name}, and stores nothing`, async () => {
    const before = await count();
    const answered = await ask(method, path, { body: patient(undefined, 'refused'), ...asking });
    assert.is(answered.status, status, answered.text);
    assert.match(answered.text, says);
    assert.equal(
      [await count(), (JSON.parse((await ask('GET', '/Patient', { query: 'family=refused' })).text) as { total: number }).total],
      [before, 0],
    );
  });

test.run();
