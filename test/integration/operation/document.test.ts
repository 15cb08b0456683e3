import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BASE_URL, type Asked, type ServerCalls, startServerCalls } from '../../support/server-calls.ts';

let calls: ServerCalls;
const to = (reference: string): object => ({ reference });
const composition = (id: string, more: object): object => ({
  resourceType: 'Composition',
  id,
  status: 'final',
  type: { text: 'Letter' },
  date: '2024-01-01',
  title: 'Letter',
  subject: to('Patient/ann'),
  author: [to(`${BASE_URL}/Practitioner/doc`)],
  ...more,
});
const observation = (id: string, more: object = {}): object => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: to('Patient/ann'),
  ...more,
});

test.before(async () => {
  calls = await startServerCalls();
  const resources: any[] = [
    { resourceType: 'Patient', id: 'ann' },
    { resourceType: 'Patient', id: 'bob' },
    { resourceType: 'Practitioner', id: 'doc' },
    { resourceType: 'Practitioner', id: 'lab' },
    observation('weight', { valueQuantity: { value: 1 }, performer: [to('Practitioner/lab'), to('Practitioner/gone')] }),
    observation('weight', { valueQuantity: { value: 2 }, performer: [to('Practitioner/lab')] }),
    observation('mother', { focus: [to('Patient/bob')] }),
    { resourceType: 'List', id: 'all', status: 'current', mode: 'snapshot', entry: [{ item: to('Observation/weight') }] },
    composition('letter', { section: [{ title: 'a', section: [{ title: 'b', entry: [to('List/all'), to('Observation/mother')] }] }] }),
    composition('old', { section: [{ title: 'a', entry: [to('Observation/weight/_history/1')] }] }),
    composition('lost', {
      author: [to('http://elsewhere/fhir/Practitioner/1'), to('Practitioner/gone')],
      section: [{ title: 'a', entry: [to('Observation/weight'), to('Observation/weight/_history/9')] }],
    }),
  ];
  for (const body of resources) {
    const { status, text } = await calls.ask('PUT', `/${body.resourceType}/${body.id}`, { body });
    assert.ok(status < 300, text);
  }
});
test.after(() => calls.close());

const names = ({ json, text, status }: Asked): string[] => {
  assert.is(status, 200, text);
  return json.entry.map(({ resource }: any) => `${resource.resourceType}/${resource.id}`);
};
const LETTER = [
  'Composition/letter',
  'Patient/ann',
  'Practitioner/doc',
  'List/all',
  'Observation/mother',
  'Observation/weight',
  'Practitioner/lab',
];

test('a document is the Composition, what it refers to, and what its sections’ content refers to; no other patient', async () => {
  const answer = await calls.ask('GET', '/Composition/letter/$document');
  assert.equal(names(answer), LETTER);
  const { type, identifier, timestamp, entry } = answer.json;
  assert.is(type, 'document');
  assert.is(identifier.system, 'urn:ietf:rfc:3986');
  assert.match(identifier.value, /^urn:uuid:[0-9a-f-]{36}$/);
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
  assert.is(entry[1].fullUrl, `${BASE_URL}/Patient/ann`);
  assert.is((await calls.ask('GET', '/Bundle')).json.total, 0, 'nothing is stored');
});

test('by its id, by POST, and of the version that is referred to', async () => {
  assert.equal(names(await calls.ask('GET', '/Composition/$document?id=letter')), LETTER);
  assert.equal(names(await calls.ask('GET', `/Composition/$document?id=${BASE_URL}/Composition/letter&persist=false`)), LETTER);
  assert.equal(names(await calls.ask('POST', '/Composition/letter/$document')), LETTER);
  const { json } = await calls.ask('GET', '/Composition/old/$document');
  assert.is(json.entry.at(-2).resource.valueQuantity.value, 1);
});

test('persist stores the document as a Bundle and says where', async () => {
  const parameter = [{ name: 'persist', valueBoolean: true }];
  const kept = await calls.ask('POST', '/Composition/letter/$document', { body: { resourceType: 'Parameters', parameter } });
  assert.equal(names(kept), LETTER);
  const read = await calls.ask('GET', `/Bundle/${kept.json.id}`);
  assert.equal([read.status, read.text], [200, kept.text]);
  assert.is((await calls.ask('GET', '/Composition/letter/$document?persist=true')).status, 405);
  const scopes = ['system/*.r'];
  const refused = await calls.ask('POST', '/Composition/letter/$document?persist=true', { scopes });
  assert.is(refused.status, 403);
  assert.match(refused.text, /system\/Bundle\.c/);
});

test('each of its references that leads nowhere is named', async () => {
  const { status, json } = await calls.ask('GET', '/Composition/lost/$document');
  assert.is(status, 422);
  assert.equal(
    json.issue.map(({ expression, diagnostics }: any) => [expression[0], diagnostics.split(':')[0]]),
    [
      ['Composition.author[0]', 'http'],
      ['Composition.author[1]', 'Practitioner/gone is not there'],
      ['Composition.section[0].entry[1]', 'Observation/weight/_history/9 is not there'],
    ],
  );
});

test('who may not read what the Composition refers to is refused; what its content refers to is left out', async () => {
  const scopes = ['Composition', 'Patient', 'Practitioner', 'List'].map((type) => `system/${type}.r`);
  const refused = await calls.ask('GET', '/Composition/letter/$document', { scopes });
  assert.is(refused.status, 403);
  assert.match(refused.text, /system\/Observation\.r/);
  const old = await calls.ask('GET', '/Composition/old/$document', {
    scopes: ['Composition', 'Patient', 'Practitioner', 'Observation'].map((type) => `system/${type}.r`),
    operations: ['$document'],
  });
  assert.ok(names(old).includes('Observation/weight'));
  assert.is((await calls.ask('GET', '/Composition/letter/$document', { operations: ['$everything'] })).status, 403);
});

test('the trail names the Composition and every patient that the document tells of', async () => {
  const { event } = await calls.ask('GET', '/Composition/letter/$document');
  assert.equal([event?.resource, [...(event?.patients ?? [])].sort()], ['Composition/letter', ['Patient/ann', 'Patient/bob']]);
});

test('what can’t be gone by is refused', async () => {
  const statuses = new Map<string, number>([
    ['/Composition/$document', 400],
    ['/Composition/letter/$document?id=letter', 400],
    ['/Composition/$document?id=http://elsewhere/fhir/Composition/letter', 400],
    ['/Composition/letter/$document?graph=urn:g', 400],
    ['/Composition/letter/$document?persist=maybe', 400],
    ['/Composition/nothing/$document', 404],
    ['/Composition/letter/_history/1/$document', 404],
    ['/Patient/ann/$document', 404],
  ]);
  for (const [address, status] of statuses) assert.is((await calls.ask('GET', address)).status, status, address);
});

test('$meta of a version tells of that version, and no other operation is of versions', async () => {
  const tag = { system: 'urn:t', code: 'new' };
  await calls.ask('PUT', '/Patient/tagged', { body: { resourceType: 'Patient', id: 'tagged' } });
  await calls.ask('PUT', '/Patient/tagged', { body: { resourceType: 'Patient', id: 'tagged', meta: { tag: [tag] } } });
  const tags = async (version: string): Promise<unknown> =>
    (await calls.ask('GET', `/Patient/tagged/_history/${version}/$meta`)).json.parameter?.[0].valueMeta.tag;
  assert.equal(await tags('2'), [tag]);
  assert.is(await tags('1'), undefined);
  assert.is((await calls.ask('GET', '/Patient/tagged/_history/3/$meta')).status, 404);
  assert.is((await calls.ask('GET', '/Patient/tagged/_history/1/$everything')).status, 404);
});

test.run();
