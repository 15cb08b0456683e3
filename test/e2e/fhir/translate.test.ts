import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fhirPackage } from '../../support/fhir-package.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
const folder = mkdtempSync(join(tmpdir(), 'maps-'));
const [LOCAL, SNOMED, ICD] = ['http://example.org/local', 'http://snomed.info/sct', 'http://hl7.org/fhir/sid/icd-10'];

const target = (code: string, more: object = {}): object => ({ code, equivalence: 'equivalent', ...more });
const ANY = { code: 'any' };
const map = (id: string, group: readonly object[], more: object = {}): Record<string, unknown> => ({
  resourceType: 'ConceptMap',
  id,
  url: `http://example.org/maps/${id}`,
  version: '1',
  status: 'active',
  group,
  ...more,
});
const sex = { property: 'http://example.org/sex', system: 'http://hl7.org/fhir/administrative-gender', value: 'female' };
const diagnoses = map(
  'diagnoses',
  [
    {
      source: LOCAL,
      target: SNOMED,
      element: [
        { code: 'MI', target: [target('22298006', { product: [{ property: 'urn:side', value: 'left' }] })] },
        { code: 'preg', target: [target('77386006', { dependsOn: [sex] })] },
      ],
      unmapped: { mode: 'other-map', url: 'http://example.org/maps/rest' },
    },
    { source: LOCAL, target: ICD, element: [{ code: 'MI', target: [target('I21', { equivalence: 'wider' })] }] },
  ],
  { sourceUri: 'http://example.org/vs/local', targetUri: 'http://example.org/vs/all' },
);
const rest = map('rest', [
  { source: LOCAL, target: SNOMED, element: [ANY], unmapped: { mode: 'fixed', code: '64572001', display: 'Disease' } },
]);
const round = map('round', [
  { source: 'urn:r', target: 'urn:q', element: [ANY], unmapped: { mode: 'other-map', url: 'http://example.org/maps/round' } },
]);
const lost = map('lost', [{ source: 'urn:l', target: 'urn:q', element: [ANY], unmapped: { mode: 'other-map', url: 'urn:nowhere' } }]);
const chain = Array.from({ length: 8 }, (_, i) =>
  map(`chain${i}`, [
    { source: 'urn:c', target: 'urn:q', element: [ANY], unmapped: { mode: 'other-map', url: `http://example.org/maps/chain${i + 1}` } },
  ]),
);
const packaged = map('packaged', [{ source: 'urn:p', target: 'urn:q', element: [{ code: 'a', target: [target('b')] }] }]);

test.before(async () => {
  writeFileSync(join(folder, 'maps.tgz'), fhirPackage('example.maps', [packaged]));
  stack = await startStack({ environment: { fhir: { FHIR_PACKAGES: folder } } });
  const retired = map('retired', packaged['group'] as object[], { status: 'retired' });
  for (const body of [diagnoses, rest, round, lost, ...chain, retired]) {
    const { status, text } = await stack.request(`/ConceptMap/${body['id'] as string}`, { method: 'PUT', body });
    assert.is(status, 201, text);
  }
});
test.after(async () => {
  await stack.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Part = { name: string; part?: Part[]; valueCode?: string; valueCoding?: { system?: string; code: string }; valueUri?: string };
const get = (path: string): Promise<Answer> => stack.request(path);
const post = (path: string, ...parameter: object[]): Promise<Answer> =>
  stack.request(path, { body: { resourceType: 'Parameters', parameter } });
const partsOf = ({ json, text, status }: Answer): Part[] => {
  assert.is(status, 200, text);
  return json.parameter as Part[];
};
const named = (parts: readonly Part[] | undefined, name: string): any => parts?.find((each) => each.name === name);
const result = (answer: Answer): boolean => named(partsOf(answer), 'result').valueBoolean;
const matches = (answer: Answer): string[] =>
  partsOf(answer)
    .filter(({ name }) => name === 'match')
    .map(({ part }) => `${named(part, 'concept')?.valueCoding.code} ${named(part, 'equivalence').valueCode}`);

test('$translate tells the codes that a code is mapped to, and which map says so', async () => {
  const answer = await get(`/ConceptMap/$translate?url=http://example.org/maps/diagnoses&system=${LOCAL}&code=MI`);
  assert.equal([result(answer), matches(answer)], [true, ['22298006 equivalent', 'I21 wider']]);
  const [, first] = partsOf(answer);
  assert.equal(named(first!.part, 'concept').valueCoding, { system: SNOMED, code: '22298006' });
  assert.is(named(first!.part, 'source').valueUri, 'http://example.org/maps/diagnoses');
  assert.equal(named(first!.part, 'product').part, [
    { name: 'element', valueUri: 'urn:side' },
    { name: 'concept', valueCoding: { code: 'left' } },
  ]);
});

test('$translate by instance, by a coding, a concept, a map that is sent, and by XML', async () => {
  assert.equal(matches(await get(`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI&targetsystem=${ICD}`)), ['I21 wider']);
  const coding = { name: 'coding', valueCoding: { system: LOCAL, code: 'MI' } };
  assert.equal(matches(await post('/ConceptMap/diagnoses/$translate', coding)), ['22298006 equivalent', 'I21 wider']);
  const concept = { name: 'codeableConcept', valueCodeableConcept: { coding: [{ system: 'urn:x', code: 'y' }, coding.valueCoding] } };
  assert.equal(matches(await post('/ConceptMap/diagnoses/$translate', concept)), ['22298006 equivalent', 'I21 wider']);
  const sent = {
    name: 'conceptMap',
    resource: map('sent', [{ source: LOCAL, target: 'urn:q', element: [ANY], unmapped: { mode: 'provided' } }]),
  };
  assert.equal(matches(await post('/ConceptMap/$translate', coding, sent)), ['MI relatedto']);
  const xml = await stack.request(`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI`, {
    headers: { accept: 'application/fhir+xml' },
  });
  assert.match(xml.text, /<name value="result"\/><valueBoolean value="true"\/>/);
});

test('$translate the other way round', async () => {
  const answer = await get(`/ConceptMap/diagnoses/$translate?system=${ICD}&code=I21&reverse=true`);
  assert.equal([result(answer), matches(answer)], [true, ['MI narrower']]);
});

test('$translate finds the maps itself where none is named, stored ones, those of packages and R4’s own', async () => {
  assert.equal(matches(await get(`/ConceptMap/$translate?system=${LOCAL}&code=MI&targetsystem=${SNOMED}`)), [
    '22298006 equivalent',
    '64572001 relatedto',
  ]);
  assert.equal(matches(await get('/ConceptMap/$translate?system=urn:p&code=a')), ['b equivalent'], 'not by the retired one');
  assert.equal(matches(await get('/ConceptMap/$translate?system=urn:q&code=b&reverse=true&targetsystem=urn:p')), ['a equivalent']);
  const gender = 'http://hl7.org/fhir/administrative-gender';
  const v3 = 'http://terminology.hl7.org/ValueSet/v3-AdministrativeGender';
  assert.equal(matches(await get(`/ConceptMap/$translate?system=${gender}&code=male&target=${v3}`)), ['M equal']);
});

test('$translate goes by the value sets that a map is between', async () => {
  const between = (query: string): Promise<Answer> => get(`/ConceptMap/$translate?system=${LOCAL}&code=MI&targetsystem=${ICD}&${query}`);
  assert.equal(matches(await between('source=http://example.org/vs/local&target=http://example.org/vs/all')), ['I21 wider']);
  assert.is(result(await between('source=http://example.org/vs/other')), false);
  assert.is(result(await get(`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI&target=urn:none`)), false);
});

test('$translate follows another map for what isn’t mapped, so far and no further', async () => {
  assert.equal(matches(await get(`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=flu`)), ['64572001 relatedto']);
  const none = await get('/ConceptMap/round/$translate?system=urn:r&code=x');
  assert.equal([result(none), matches(none)], [false, []]);
  assert.match(named(partsOf(none), 'message').valueString, /translates urn:r\|x/);
  const missing = await get('/ConceptMap/lost/$translate?system=urn:l&code=x');
  assert.is(missing.status, 422);
  assert.match(missing.text, /urn:nowhere, which another one refers to, is not loaded/);
  assert.is((await get('/ConceptMap/chain0/$translate?system=urn:c&code=x')).status, 413);
});

test('$translate shows what a match depends on, and counts it where that is given', async () => {
  const coding = { name: 'coding', valueCoding: { system: LOCAL, code: 'preg' } };
  const given = (code: string): object => ({
    name: 'dependency',
    part: [
      { name: 'element', valueUri: sex.property },
      { name: 'concept', valueCodeableConcept: { coding: [{ system: sex.system, code }] } },
    ],
  });
  const open = await post('/ConceptMap/diagnoses/$translate', coding);
  assert.equal([result(open), matches(open)], [false, ['77386006 equivalent']]);
  assert.is(named(named(partsOf(open), 'match').part, 'dependsOn').part[0].valueUri, sex.property);
  assert.match(named(partsOf(open), 'message').valueString, /dependency/);
  assert.is(result(await post('/ConceptMap/diagnoses/$translate', coding, given('female'))), true);
  assert.equal(matches(await post('/ConceptMap/diagnoses/$translate', coding, given('male'))), []);
});

test('$translate says what it lacks', async () => {
  const statuses = new Map<string, number>([
    [`/ConceptMap/$translate?url=urn:none&system=${LOCAL}&code=MI`, 422],
    [`/ConceptMap/$translate?url=http://example.org/maps/diagnoses&conceptMapVersion=2&system=${LOCAL}&code=MI`, 422],
    [`/ConceptMap/$translate?url=http://example.org/maps/diagnoses&conceptMapVersion=1&system=${LOCAL}&code=MI`, 200],
    [`/ConceptMap/nothing/$translate?system=${LOCAL}&code=MI`, 404],
    ['/ConceptMap/diagnoses/$translate?code=MI', 400],
    ['/ConceptMap/diagnoses/$translate', 400],
    [`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI&url=urn:other`, 400],
    [`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI&colour=red`, 400],
    [`/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI&reverse=maybe`, 400],
  ]);
  for (const [path, status] of statuses) assert.is((await get(path)).status, status, path);
});

test('$translate has to be allowed by name, and is offered in /metadata', async () => {
  const query = `/ConceptMap/diagnoses/$translate?system=${LOCAL}&code=MI`;
  assert.is((await stack.request(query, { client: 'reader-demo' })).status, 403);
  const { json } = await get('/metadata');
  const offered = json.rest[0].resource.find(({ type }: { type: string }) => type === 'ConceptMap').operation;
  assert.ok(offered.some(({ name }: { name: string }) => name === 'translate'));
});

test.run();
