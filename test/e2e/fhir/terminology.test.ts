import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
const SYSTEM = 'http://example.org/animals';
const animals = {
  resourceType: 'CodeSystem',
  id: 'animals',
  url: SYSTEM,
  version: '1',
  status: 'active',
  content: 'complete',
  concept: [
    {
      code: 'mammal',
      display: 'Mammal',
      concept: [
        { code: 'cat', display: 'Cat', definition: 'It purrs', designation: [{ language: 'de', value: 'Katze' }] },
        { code: 'dog', display: 'Dog', property: [{ code: 'status', valueCode: 'retired' }] },
      ],
    },
    { code: 'bird', display: 'Bird' },
  ],
};
const pets = {
  resourceType: 'ValueSet',
  id: 'pets',
  url: 'http://example.org/pets',
  status: 'active',
  compose: { include: [{ system: SYSTEM, filter: [{ property: 'concept', op: 'is-a', value: 'mammal' }] }] },
};

test.before(async () => {
  stack = await startStack();
  for (const body of [animals, pets]) {
    const { status, text } = await stack.request(`/${body.resourceType}/${body.id}`, { method: 'PUT', body });
    assert.is(status, 201, text);
  }
});
test.after(() => stack.stop());

const get = async (path: string): Promise<Answer> => stack.request(path);
const contains = ({ json }: Answer): string[] => (json.expansion.contains ?? []).map(({ code }: { code: string }) => code);
const value = ({ json }: Answer, name: string): unknown => {
  const found = json.parameter.find((each: { name: string }) => each.name === name);
  return found && (found.valueBoolean ?? found.valueString ?? found.valueCode);
};
const gender = encodeURIComponent('http://hl7.org/fhir/ValueSet/administrative-gender');

test('$expand lists the codes of a value set of R4', async () => {
  const answer = await get(`/ValueSet/$expand?url=${gender}`);
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.resourceType, 'ValueSet');
  assert.equal(contains(answer), ['male', 'female', 'other', 'unknown']);
  assert.is(answer.json.expansion.total, 4);
  assert.is(answer.json.expansion.contains[0].system, 'http://hl7.org/fhir/administrative-gender');
  assert.is(answer.json.expansion.contains[0].display, 'Male');
});

test('$expand lists a stored value set by url and by id, by pages, text and activity', async () => {
  assert.equal(contains(await get('/ValueSet/$expand?url=http://example.org/pets')), ['mammal', 'cat', 'dog']);
  assert.equal(contains(await get('/ValueSet/pets/$expand')), ['mammal', 'cat', 'dog']);
  assert.equal(contains(await get('/ValueSet/pets/$expand?activeOnly=true')), ['mammal', 'cat']);
  assert.equal(contains(await get('/ValueSet/pets/$expand?filter=do')), ['dog']);
  assert.equal(contains(await get('/ValueSet/pets/$expand?filter=katz')), ['cat']);
  assert.equal(contains(await get('/ValueSet/pets/$expand?filter=K%C3%A4TZ&excludePostCoordinated=true')), ['cat']);
  const page = await get('/ValueSet/pets/$expand?count=1&offset=1');
  assert.equal([contains(page), page.json.expansion.total, page.json.expansion.offset], [['cat'], 3, 1]);
  const none = await get('/ValueSet/pets/$expand?count=0');
  assert.equal([none.json.expansion.total, none.json.expansion.contains], [3, undefined]);
  const nested = await get('/ValueSet/pets/$expand?excludeNested=false');
  assert.equal(contains(nested), ['mammal']);
  assert.equal(
    nested.json.expansion.contains[0].contains.map(({ code }: { code: string }) => code),
    ['cat', 'dog'],
  );
  const german = await get('/ValueSet/pets/$expand?displayLanguage=de&includeDesignations=true&filter=cat');
  assert.is(german.json.expansion.contains[0].display, 'Katze');
  assert.is(german.json.expansion.contains[0].designation[0].language, 'de');
});

test('$expand takes a value set that is sent', async () => {
  const body = { resourceType: 'Parameters', parameter: [{ name: 'valueSet', resource: { ...pets, url: undefined, id: undefined } }] };
  assert.equal(contains(await stack.request('/ValueSet/$expand', { body })), ['mammal', 'cat', 'dog']);
  const bad = { resourceType: 'Parameters', parameter: [{ name: 'valueSet', resource: { resourceType: 'ValueSet', status: 'x' } }] };
  assert.is((await stack.request('/ValueSet/$expand', { body: bad })).status, 400);
});

test('$expand says what it lacks, and what it has no answer for', async () => {
  const snomed = { ...pets, id: undefined, url: 'http://example.org/s', compose: { include: [{ system: 'http://snomed.info/sct' }] } };
  const body = { resourceType: 'Parameters', parameter: [{ name: 'valueSet', resource: snomed }] };
  const answer = await stack.request('/ValueSet/$expand', { body });
  assert.is(answer.status, 422);
  assert.match(answer.json.issue[0].diagnostics, /http:\/\/snomed\.info\/sct is not loaded: store it here/);
  assert.is((await get('/ValueSet/$expand?url=http://example.org/nothing')).status, 422);
  assert.is((await get('/ValueSet/nothing/$expand')).status, 404);
  assert.is((await get('/ValueSet/$expand')).status, 400);
  assert.is((await get(`/ValueSet/$expand?url=${gender}&context=x`)).status, 400);
  assert.is((await get(`/ValueSet/$expand?url=${gender}&count=-1`)).status, 400);
});

test('$validate-code tells whether a code is in a value set and how it is called', async () => {
  const inPets = (query: string): Promise<Answer> => get(`/ValueSet/pets/$validate-code?${query}`);
  assert.is(value(await inPets(`code=cat&system=${SYSTEM}`), 'result'), true);
  assert.is(value(await inPets(`code=cat&system=${SYSTEM}`), 'display'), 'Cat');
  assert.is(value(await inPets(`code=bird&system=${SYSTEM}`), 'result'), false);
  assert.match(String(value(await inPets(`code=bird&system=${SYSTEM}`), 'message')), /animals\|bird is not in .*pets/);
  assert.is(value(await inPets(`code=cat&system=${SYSTEM}&display=cat`), 'result'), true);
  assert.is(value(await inPets(`code=cat&system=${SYSTEM}&display=Katze`), 'result'), true);
  assert.is(value(await inPets(`code=cat&system=${SYSTEM}&display=Tiger`), 'result'), false);
  const concept = {
    coding: [
      { system: SYSTEM, code: 'bird' },
      { system: SYSTEM, code: 'dog' },
    ],
  };
  const body = { resourceType: 'Parameters', parameter: [{ name: 'codeableConcept', valueCodeableConcept: concept }] };
  assert.is(value(await stack.request('/ValueSet/pets/$validate-code', { body }), 'result'), true);
  const alone = { resourceType: 'Parameters', parameter: [{ name: 'codeableConcept', valueCodeableConcept: { text: 'Cat' } }] };
  const text = await stack.request('/ValueSet/pets/$validate-code', { body: alone });
  assert.is(value(text, 'result'), false);
  assert.match(String(value(text, 'message')), /^a text alone is not in .*pets/);
  assert.is((await inPets('system=x')).status, 400);
});

test('$validate-code never calls valid what it can not know', async () => {
  const loinc = await get('/CodeSystem/$validate-code?url=http://loinc.org&code=8480-6');
  assert.is(loinc.status, 422);
  assert.match(loinc.json.issue[0].diagnostics, /loinc\.org is not loaded/);
  const answer = await get(
    `/ValueSet/$validate-code?url=${encodeURIComponent('http://hl7.org/fhir/ValueSet/observation-codes')}&system=http://loinc.org&code=8480-6`,
  );
  assert.is(answer.status, 422);
  assert.match(answer.json.issue[0].diagnostics, /it can't be told/);
});

test('$validate-code on a code system', async () => {
  assert.is(value(await get(`/CodeSystem/$validate-code?url=${SYSTEM}&code=cat`), 'result'), true);
  assert.is(value(await get(`/CodeSystem/$validate-code?url=${SYSTEM}&code=fish`), 'result'), false);
  assert.is(value(await get('/CodeSystem/animals/$validate-code?code=bird'), 'result'), true);
});

test('a code is known that a fragment of its code system has; of what it lacks nothing is said', async () => {
  const url = 'http://example.org/fragment';
  const body = {
    resourceType: 'CodeSystem',
    id: 'fragment',
    url,
    status: 'active',
    content: 'fragment',
    concept: [{ code: 'a', display: 'A' }],
  };
  assert.is((await stack.request('/CodeSystem/fragment', { method: 'PUT', body })).status, 201);
  for (const path of [
    `/CodeSystem/$lookup?system=${url}&code=`,
    `/CodeSystem/$validate-code?url=${url}&code=`,
    `/ValueSet/$validate-code?url=${url}?fhir_vs&system=${url}&code=`,
  ]) {
    const known = await stack.request(`${path}a`);
    assert.is(known.status, 200, known.text);
    assert.ok(
      known.json.parameter.some((each: object) => Object.values(each).includes('A')),
      path,
    );
    assert.is((await stack.request(`${path}b`)).status, 422, path);
  }
});

test('$lookup tells what a code means', async () => {
  const answer = await get(`/CodeSystem/$lookup?system=${SYSTEM}&code=cat`);
  assert.is(answer.status, 200, answer.text);
  assert.is(value(answer, 'display'), 'Cat');
  for (const [language, display] of [
    ['de', 'Katze'],
    ['de-CH', 'Katze'],
    ['d', 'Cat'],
    ['fr', 'Cat'],
  ])
    assert.is(value(await get(`/CodeSystem/$lookup?system=${SYSTEM}&code=cat&displayLanguage=${language}`), 'display'), display);
  assert.is(value(answer, 'version'), '1');
  const properties = answer.json.parameter.filter(({ name }: { name: string }) => name === 'property').map(({ part }: any) => part);
  assert.ok(properties.some(([code, each]: any) => code.valueCode === 'parent' && each.valueCode === 'mammal'));
  assert.ok(properties.some(([code, each]: any) => code.valueCode === 'definition' && each.valueString === 'It purrs'));
  assert.is((await get(`/CodeSystem/$lookup?system=${SYSTEM}&code=fish`)).status, 404);
  assert.is((await get('/CodeSystem/$lookup?system=http://snomed.info/sct&code=1')).status, 422);
});

test('units, media types and languages are told from what is none by their grammars', async () => {
  const encoded = encodeURIComponent;
  for (const [system, valueSet, code, isOne] of [
    ['http://unitsofmeasure.org', 'ucum-units', 'mg/dL', true],
    ['http://unitsofmeasure.org', 'ucum-units', 'milligrams', false],
    ['urn:ietf:bcp:13', 'mimetypes', 'application/fhir+json; fhirVersion=4.0', true],
    ['urn:ietf:bcp:13', 'mimetypes', 'pdf', false],
    ['urn:ietf:bcp:47', 'all-languages', 'de-AT', true],
    ['urn:ietf:bcp:47', 'all-languages', 'xx-XX', false],
  ] as const) {
    const ofSystem = await get(`/CodeSystem/$validate-code?url=${system}&code=${encoded(code)}`);
    assert.is(value(ofSystem, 'result'), isOne, `${code}: ${ofSystem.text}`);
    const url = encoded(`http://hl7.org/fhir/ValueSet/${valueSet}`);
    const ofValueSet = await get(`/ValueSet/$validate-code?url=${url}&system=${system}&code=${encoded(code)}`);
    assert.is(value(ofValueSet, 'result'), isOne, `${code}: ${ofValueSet.text}`);
    assert.is((await get(`/CodeSystem/$lookup?system=${system}&code=${encoded(code)}`)).status, isOne ? 200 : 404, code);
  }
  assert.is(value(await get('/CodeSystem/$lookup?system=urn:ietf:bcp:47&code=de-AT'), 'display'), 'German (Austria)');
  assert.is((await get('/CodeSystem/$validate-code?url=http://unitsofmeasure.org|2.1&code=mg')).status, 422, 'which units a version had');
  assert.is((await get(`/ValueSet/$expand?url=${encoded('http://hl7.org/fhir/ValueSet/ucum-units')}`)).status, 422, 'they are without end');
});

test('$subsumes tells how two codes stand to each other', async () => {
  const outcome = async (a: string, b: string): Promise<unknown> =>
    value(await get(`/CodeSystem/$subsumes?system=${SYSTEM}&codeA=${a}&codeB=${b}`), 'outcome');
  assert.is(await outcome('mammal', 'cat'), 'subsumes');
  assert.is(await outcome('cat', 'mammal'), 'subsumed-by');
  assert.is(await outcome('cat', 'cat'), 'equivalent');
  assert.is(await outcome('cat', 'bird'), 'not-subsumed');
  assert.is((await get(`/CodeSystem/$subsumes?system=${SYSTEM}&codeA=cat&codeB=fish`)).status, 404);
  const parameter = [SYSTEM, 'http://example.org/other'].map((system, i) => ({
    name: `coding${'AB'[i]}`,
    valueCoding: { system, code: 'cat' },
  }));
  assert.is((await stack.request('/CodeSystem/$subsumes', { body: { resourceType: 'Parameters', parameter } })).status, 400);
});

test('of the versions of one address the newest 8 MB are looked at', async () => {
  const versioned = (version: string, texts: number): object => ({
    ...animals,
    id: `large-${version}`,
    url: `${SYSTEM}/large`,
    version,
    contact: Array.from({ length: texts }, () => ({ name: 'x'.repeat(1_000_000) })),
  });
  for (const [version, texts] of [
    ['1', 1],
    ['2', 5],
    ['3', 5],
  ] as const) {
    const { status, text } = await stack.request(`/CodeSystem/large-${version}`, { method: 'PUT', body: versioned(version, texts) });
    assert.is(status, 201, text);
  }
  const lookup = (version: string): Promise<Answer> => get(`/CodeSystem/$lookup?system=${SYSTEM}/large&code=cat&version=${version}`);
  assert.equal(await Promise.all(['3', '2', '1'].map(async (version) => (await lookup(version)).status)), [200, 200, 422]);
});

test('an operation on terminology has to be allowed by name', async () => {
  assert.is((await stack.request(`/ValueSet/$expand?url=${gender}`, { client: 'reader-demo' })).status, 403);
});

test.run();
