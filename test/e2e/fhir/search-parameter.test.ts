import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

const COLOUR = 'http://example.org/colour';
let stack: Stack;
let sql: postgres.Sql;
test.before(async () => {
  stack = await startStack();
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

const parameter = (given: object = {}): Record<string, unknown> => ({
  resourceType: 'SearchParameter',
  url: 'http://example.org/SearchParameter/colour',
  name: 'Colour',
  description: 'the favourite colour',
  status: 'active',
  code: 'colour',
  base: ['Patient'],
  type: 'token',
  expression: `Patient.extension.where(url = '${COLOUR}').value as code`,
  ...given,
});
const define = async (id: string, given: object = {}): Promise<Answer> =>
  stack.request(`/SearchParameter/${id}`, { method: 'PUT', body: { id, ...parameter(given) } });
const stateOf = async (id: string): Promise<{ state: string; done?: number; total?: number; message: string }> => {
  const { status, json, text } = await stack.request(`/SearchParameter/${id}/$status`);
  assert.is(status, 200, text);
  const value = (name: string): any => {
    // oxlint-disable-line typescript/no-explicit-any -- of any type
    const found = json.parameter.find((each: { name: string }) => each.name === name);
    return found && (found.valueCode ?? found.valueString ?? found.valueUnsignedInt);
  };
  return { state: value('state'), done: value('done'), total: value('total'), message: value('message') };
};
const ready = (id: string): Promise<void> => eventually(`${id} is ready`, async () => (await stateOf(id)).state === 'ready', 15_000);
const patient = (id: string, colour: string | undefined): Promise<Answer> =>
  stack.request(`/Patient/${id}`, {
    method: 'PUT',
    body: { resourceType: 'Patient', id, ...(colour !== undefined && { extension: [{ url: COLOUR, valueCode: colour }] }) },
  });
const found = async (query: string): Promise<string[]> => {
  const { status, json, text } = await stack.request(query);
  assert.is(status, 200, text);
  return (json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id).sort();
};
/** Rows of index keys of clients' parameters. */
const rowsOfKeys = async (): Promise<number> =>
  (await sql`select count(*)::int as n from fhir.sp_token t join fhir.index_key k on k.id = t.key where k.key like 'token:{%'`)[0]![
    'n'
  ] as number;

test('a parameter of a client finds what was there before and what came after', async () => {
  await patient('red', 'red');
  await patient('blue', 'blue');
  await patient('none', undefined);
  const before = await stack.request('/Patient?colour=red');
  assert.is(before.status, 400);
  assert.match(before.text, /Patient has no search parameter colour/);
  const written = await define('colour');
  assert.is(written.status, 201, written.text);
  await eventually('being indexed', async () => (await stateOf('colour')).state === 'indexing');
  await eventually('it is known', async () => /being indexed/.test((await stack.request('/Patient?colour=red')).text), 2000);
  const meanwhile = await stack.request('/Patient?colour=red');
  assert.is(meanwhile.status, 400, meanwhile.text);
  assert.match(meanwhile.text, /Patient\.colour is being indexed and can't be searched by yet/);
  await patient('early', 'red');
  await ready('colour');
  const { done, total } = await stateOf('colour');
  assert.ok(done! >= 3 && total! >= done!, `${done} of ${total}`);
  await eventually('it is searched by', async () => (await stack.request('/Patient?colour=red')).status === 200, 2000);
  await patient('late', 'red');
  assert.equal(await found('/Patient?colour=red'), ['early', 'late', 'red']);
  assert.equal(await found('/Patient?colour:missing=true'), ['none']);
  assert.equal(await found('/Patient?colour:not=red'), ['blue', 'none']);
  assert.is(await rowsOfKeys(), 4);
});

test('what changes afterwards changes what is found', async () => {
  await patient('red', 'green');
  await stack.request('/Patient/late', { method: 'DELETE' });
  assert.equal(await found('/Patient?colour=red'), ['early']);
  assert.equal(await found('/Patient?colour=green'), ['red']);
  assert.is(await rowsOfKeys(), 3);
});

test('an expression may leave out its type, which others need not have the element of', async () => {
  const written = await define('sex', { url: 'http://example.org/SearchParameter/sex', code: 'sex', expression: 'gender' });
  assert.is(written.status, 201, written.text);
  await ready('sex');
  const { status, text } = await stack.request('/Patient/m', { method: 'PUT', body: { resourceType: 'Patient', id: 'm', gender: 'male' } });
  assert.is(status, 201, text);
  await eventually('it is searched by', async () => (await stack.request('/Patient?sex=male')).status === 200, 2000);
  assert.equal(await found('/Patient?sex=male'), ['m']);
  for (const address of ['/SearchParameter/sex', '/Patient/m']) assert.is((await stack.request(address, { method: 'DELETE' })).status, 204);
});

test('a code begins with a hyphen, as those of one’s own should', async () => {
  const written = await define('own', { url: 'http://example.org/SearchParameter/own', code: '-sex', expression: 'gender' });
  assert.is(written.status, 201, written.text);
  await ready('own');
  const genders = { hyphen1: 'male', hyphen2: 'female' };
  for (const [id, gender] of Object.entries(genders))
    await stack.request(`/Patient/${id}`, { method: 'PUT', body: { resourceType: 'Patient', id, gender } });
  await eventually('it is searched by', async () => (await stack.request('/Patient?-sex=male')).status === 200, 2000);
  for (const query of ['-sex=male', '-sex:not=female&-sex:missing=false', '_filter=-sex eq male'])
    assert.equal(await found(`/Patient?${query}`), ['hyphen1'], query);
  const inOrder = async (sort: string): Promise<string[]> =>
    (await stack.request(`/Patient?_id=hyphen1,hyphen2&_sort=${sort}`)).json.entry.map((each: any) => each.resource.id); // oxlint-disable-line typescript/no-explicit-any -- of any type
  assert.equal(await inOrder('-sex'), ['hyphen2', 'hyphen1']);
  assert.equal(await inOrder('--sex'), ['hyphen1', 'hyphen2']);
  assert.equal(await inOrder('-gender'), ['hyphen1', 'hyphen2']);
  for (const address of ['/SearchParameter/own', '/Patient/hyphen1', '/Patient/hyphen2'])
    assert.is((await stack.request(address, { method: 'DELETE' })).status, 204);
});

test('a text is found in an extension that may hold names and addresses, too', async () => {
  const url = 'http://example.org/said';
  const written = await define('said', { url, code: 'said', type: 'string', expression: `Patient.extension('${url}')` });
  assert.is(written.status, 201, written.text);
  await ready('said');
  const body = {
    resourceType: 'Patient',
    id: 's',
    extension: [
      { url, valueString: `Plain ${'words and '.repeat(20)}end` },
      { url, valueHumanName: { family: 'Müller' } },
    ],
  };
  const { status, text } = await stack.request('/Patient/s', { method: 'PUT', body });
  assert.is(status, 201, text);
  await eventually('it is searched by', async () => (await stack.request('/Patient?said=x')).status === 200, 2000);
  for (const query of ['said=plain', 'said:contains=and end', 'said=muller', 'said:exact=Müller', 'said:missing=false'])
    assert.equal(await found(`/Patient?${query}`), ['s'], query);
  assert.equal(await found('/Patient?said=end'), []);
  for (const address of ['/SearchParameter/said', '/Patient/s'])
    assert.is((await stack.request(address, { method: 'DELETE' })).status, 204);
});

test('the capabilities tell of it when it is ready', async () => {
  const { json } = await stack.request('/metadata');
  const { searchParam } = json.rest[0].resource.find(({ type }: { type: string }) => type === 'Patient');
  assert.equal(
    searchParam.find(({ name }: { name: string }) => name === 'colour'),
    { name: 'colour', definition: 'http://example.org/SearchParameter/colour', type: 'token' },
  );
});

test('a write that says the same again changes nothing, and another definition is indexed anew', async () => {
  assert.is((await define('colour', { description: 'in other words' })).status, 200);
  await ready('colour');
  assert.equal(await found('/Patient?colour=green'), ['red']);
  assert.is((await define('colour', { code: 'tint' })).status, 200);
  await ready('colour');
  await eventually('it is searched by', async () => (await stack.request('/Patient?tint=green')).status === 200, 2000);
  assert.equal(await found('/Patient?tint=green'), ['red']);
  assert.match((await stack.request('/Patient?colour=green')).text, /Patient has no search parameter colour/);
  await eventually('the rows of the former one are gone', async () => (await rowsOfKeys()) === 3, 15_000);
});

test('deleted, it is unknown again, and its rows go', async () => {
  assert.is((await stack.request('/SearchParameter/colour', { method: 'DELETE' })).status, 204);
  await eventually('it is unknown', async () => (await stack.request('/Patient?tint=green')).status === 400, 3000);
  assert.match((await stack.request('/Patient?tint=green')).text, /Patient has no search parameter tint/);
  await eventually('no rows', async () => (await rowsOfKeys()) === 0, 15_000);
  assert.is((await stack.request('/SearchParameter/colour/$status')).status, 410);
  assert.is((await patient('red', 'red')).status, 200);
  assert.is(await rowsOfKeys(), 0);
});

test('references, composites, all types at once: what a parameter can be', async () => {
  const reference = await define('seen-by', {
    url: 'http://example.org/SearchParameter/seen-by',
    code: 'seen-by',
    type: 'reference',
    target: ['Practitioner'],
    expression: "Patient.extension('http://example.org/seen-by').value.as(Reference)",
  });
  assert.is(reference.status, 201, reference.text);
  const composite = await define('name-and-colour', {
    url: 'http://example.org/SearchParameter/use-family',
    code: 'gender-family',
    type: 'composite',
    expression: 'Patient',
    component: [
      { definition: 'http://hl7.org/fhir/SearchParameter/individual-gender', expression: 'gender' },
      { definition: 'http://hl7.org/fhir/SearchParameter/individual-family', expression: 'name.family' },
    ],
  });
  assert.is(composite.status, 201, composite.text);
  const everywhere = await define('narrative', {
    url: 'http://example.org/SearchParameter/narrative',
    code: 'narrative-status',
    base: ['DomainResource'],
    expression: 'DomainResource.text.status',
  });
  assert.is(everywhere.status, 201, everywhere.text);
  await Promise.all(
    ['seen-by', 'name-and-colour', 'narrative'].map((id) => eventually(id, async () => (await stateOf(id)).state === 'ready', 30_000)),
  );
  await stack.request('/Practitioner/p', { method: 'PUT', body: { resourceType: 'Practitioner', id: 'p', name: [{ family: 'Who' }] } });
  const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };
  const { status, text: said } = await stack.request('/Patient/seen', {
    method: 'PUT',
    body: {
      resourceType: 'Patient',
      id: 'seen',
      text,
      gender: 'female',
      name: [{ family: 'Jones' }],
      extension: [{ url: 'http://example.org/seen-by', valueReference: { reference: 'Practitioner/p' } }],
    },
  });
  assert.is(status, 201, said);
  await stack.request('/Basic/told', { method: 'PUT', body: { resourceType: 'Basic', id: 'told', text, code: { text: 'x' } } });
  await eventually('all are searched by', async () => (await stack.request('/Patient?narrative-status=generated')).status === 200, 2000);
  assert.equal(await found('/Patient?seen-by=Practitioner/p'), ['seen']);
  assert.equal(await found('/Patient?seen-by.name=who'), ['seen']);
  assert.equal(await found('/Practitioner?_has:Patient:seen-by:gender=female'), ['p']);
  assert.equal(await found('/Patient?_id=seen&_include=Patient:seen-by'), ['p', 'seen']);
  assert.equal(await found('/Patient?gender-family=female$jones'), ['seen']);
  assert.equal(await found('/Patient?gender-family=male$jones'), []);
  assert.equal(await found('/Basic?narrative-status=generated'), ['told']);
  assert.equal(await found('/?_type=Basic,Patient&narrative-status=generated'), ['seen', 'told']);
});

test('several that are written together are ready together', async () => {
  const began = Date.now();
  const ids = [1, 2, 3, 4, 5, 6].map((n) => `together-${n}`);
  for (const id of ids) {
    const { status, text } = await define(id, {
      url: `http://example.org/SearchParameter/${id}`,
      code: id,
      type: 'quantity',
      expression: `Patient.extension('http://example.org/${id}').value`,
    });
    assert.is(status, 201, text);
  }
  await Promise.all(ids.map((id) => eventually(id, async () => (await stateOf(id)).state === 'ready', 30_000)));
  // One after the other they would take two seconds each.
  assert.ok(Date.now() - began < 9000, `${Date.now() - began} ms`);
});

test('a quantity of any type, as an extension has it, is compared across units', async () => {
  const extension = (value: object): readonly object[] => [{ url: 'http://example.org/together-1', ...value }];
  const bodies = {
    grams: { valueQuantity: { value: 5, system: 'http://unitsofmeasure.org', code: 'g' } },
    euros: { valueMoney: { value: 5, currency: 'EUR' } },
  };
  for (const [id, value] of Object.entries(bodies)) {
    const { status, text } = await stack.request(`/Patient/${id}`, {
      method: 'PUT',
      body: { resourceType: 'Patient', id, extension: extension(value) },
    });
    assert.is(status, 201, text);
  }
  await eventually('it is searched by', async () => (await stack.request('/Patient?together-1=1')).status === 200, 2000);
  assert.equal(await found('/Patient?together-1=5000||mg'), ['grams']);
  assert.equal(await found('/Patient?together-1=5000|http://unitsofmeasure.org|mg'), ['grams']);
  assert.equal(await found('/Patient?together-1=5||EUR'), ['euros']);
  assert.equal(await found('/Patient?together-1=5'), ['euros', 'grams']);
});

const REFUSED: readonly [what: string, given: object, status: number, says: RegExp, element: string][] = [
  ['an expression with a function', { expression: 'Patient.name.trace()' }, 422, /isn't understood for Patient.*trace/, 'expression'],
  ['an element that there is not', { expression: 'Patient.nose' }, 422, /Patient has no element nose/, 'expression'],
  [
    'a condition on an element that there is not',
    { expression: "Patient.telecom.where(sytem='phone')" },
    422,
    /ContactPoint has no element sytem/,
    'expression',
  ],
  ['a path of another type', { expression: 'Observation.code' }, 422, /finds nothing in Patient/, 'expression'],
  [
    'values of another type',
    { expression: 'Patient.birthDate', type: 'quantity' },
    422,
    /finds nothing in Patient that .* quantity/,
    'expression',
  ],
  ['no expression', { expression: undefined }, 422, /needs an expression/, 'expression'],
  ['a path with a gap', { expression: 'Patient..name' }, 422, /is no path/, 'expression'],
  ['an endless expression', { expression: `Patient.${'extension.'.repeat(300)}url` }, 422, /2000 characters/, 'expression'],
  ['a code of R4', { code: 'gender' }, 422, /Patient has gender already, which is R4's own/, 'code'],
  ['a code of the protocol', { code: '_count' }, 422, /a letter first/, 'code'],
  ['a code of hyphens', { code: '--a' }, 422, /a letter first/, 'code'],
  ['a code with a point', { code: 'a.b' }, 422, /a letter first/, 'code'],
  ['an address of R4', { url: 'http://hl7.org/fhir/SearchParameter/clinical-date' }, 422, /is the address of one of R4's own/, 'url'],
  ['the type special', { type: 'special' }, 422, /type special/, 'type'],
  ['a base that there is not', { base: ['Unicorn'] }, 400, /Unicorn/, 'base[0]'],
  ['a composite of nothing', { type: 'composite', expression: 'Patient' }, 422, /2 or 3 components/, 'component'],
  [
    'a composite of what nobody defines',
    {
      type: 'composite',
      expression: 'Patient',
      component: [1, 2].map((i) => ({ definition: `http://example.org/none${i}`, expression: 'gender' })),
    },
    422,
    /no search parameter that this server knows/,
    'component[0].definition',
  ],
];
for (const [what, given, status, says, element] of REFUSED)
  test(`refuses ${what}`, async () => {
    const answer = await define('bad', given);
    assert.is(answer.status, status, answer.text);
    assert.match(answer.json.issue[0].diagnostics, says);
    assert.equal(answer.json.issue[0].expression, [`SearchParameter.${element}`]);
    assert.is((await stack.request('/SearchParameter/bad')).status, 404);
  });

test('a code that another parameter has is refused, as a draft it is taken', async () => {
  const twice = { url: 'http://example.org/other', code: 'seen-by' };
  const { status, text } = await define('other', twice);
  assert.is(status, 422);
  assert.match(text, /Patient has seen-by already, by SearchParameter\/seen-by/);
  assert.is((await define('other', { ...twice, status: 'draft' })).status, 201);
  assert.is((await stateOf('other')).state, 'off');
});

test('of two that are written together with one code the second is refused, until the first is gone', async () => {
  const entry = ['first', 'second'].map((id) => ({
    resource: { id, ...parameter({ url: `http://example.org/${id}`, code: 'contested' }) },
    request: { method: 'PUT', url: `SearchParameter/${id}` },
  }));
  const { status, text } = await stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  assert.is(status, 200, text);
  await ready('first');
  const { state, message } = await stateOf('second');
  assert.is(state, 'refused');
  assert.match(message, /Patient has contested already, by SearchParameter\/first/);
  assert.is((await stack.request('/SearchParameter/first', { method: 'DELETE' })).status, 204);
  await ready('second');
  assert.is((await stack.request('/SearchParameter/second', { method: 'DELETE' })).status, 204);
});

test('one of the specification may be written, and changes nothing', async () => {
  const { status, text } = await define('individual-gender', {
    url: 'http://hl7.org/fhir/SearchParameter/individual-gender',
    code: 'gender',
    base: ['Patient', 'Person', 'Practitioner', 'RelatedPerson'],
    expression: 'Patient.gender | Person.gender | Practitioner.gender | RelatedPerson.gender',
  });
  assert.is(status, 201, text);
  assert.is((await stateOf('individual-gender')).state, 'standard');
});

test('one that is derived from one of the specification, or looks where it looks, may be written, and changes nothing', async () => {
  const derived = { code: 'gender', base: ['Patient'], expression: 'Patient.gender' };
  const origin = 'http://hl7.org/fhir/SearchParameter/individual-gender';
  for (const derivedFrom of [origin, `${origin}|4.0.1`]) {
    const { status, text } = await define('guide-gender', { ...derived, derivedFrom });
    assert.ok(status < 300, text);
    assert.is((await stateOf('guide-gender')).state, 'standard');
  }
  const internal = { derivedFrom: 'http://hl7.org/fhir/SearchParameter/Resource-lastUpdated', code: '_lastUpdated', type: 'date' };
  assert.is((await define('guide-updated', { ...derived, ...internal, expression: 'Patient.meta.lastUpdated' })).status, 201);
  const same: readonly object[] = [
    derived,
    { ...derived, derivedFrom: `${origin}-2` },
    { code: '_lastUpdated', type: 'date', base: ['Basic'], expression: 'Basic.meta.lastUpdated' },
    { code: 'name', type: 'string', base: ['InsurancePlan'], expression: 'InsurancePlan.name' },
    { code: 'patient', type: 'reference', base: ['Condition'], expression: 'Condition.subject.where(resolve() is Patient)' },
  ];
  for (const one of same) {
    const { status, text } = await define('guide-same', one);
    assert.ok(status < 300, text);
    assert.is((await stateOf('guide-same')).state, 'standard', JSON.stringify(one));
  }
  const others: readonly object[] = [
    { type: 'string' },
    { base: ['Patient', 'Organization'] },
    { code: 'name' },
    { derivedFrom: undefined, expression: 'Patient.gender | Patient.maritalStatus' },
    { derivedFrom: undefined, expression: 'Person.gender' },
  ];
  for (const other of others)
    assert.is((await define('guide-other', { ...derived, derivedFrom: origin, ...other })).status, 422, JSON.stringify(other));
});

test('who may not read SearchParameters is not told how far one is', async () => {
  const { status } = await stack.request('/SearchParameter/seen-by/$status', { client: 'reader-demo' });
  assert.is(status, 403, 'the operation is not among its own');
});

test.run();
