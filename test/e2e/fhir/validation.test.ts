import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const parameters = (...parameter: object[]): object => ({ resourceType: 'Parameters', parameter });
const issues = ({ json }: Answer): string[] =>
  json.issue.map((issue: any) => `${issue.severity} ${issue.code} ${issue.expression?.[0] ?? ''} ${issue.diagnostics}`);
const validate = async (path: string, body: object | string): Promise<string[]> => {
  const answer = await stack.request(path, { body });
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.resourceType, 'OperationOutcome');
  return issues(answer);
};
const text = { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">x</div>' };

test('$validate says that a good resource is valid, and stores nothing', async () => {
  const found = await validate('/Patient/$validate', { resourceType: 'Patient', text, active: true });
  assert.is(found.length, 1);
  assert.match(found[0]!, /^information informational .*valid/);
  assert.is((await stack.request('/Patient?_summary=count')).json.total, 0);
});

test('/metadata names the profiles that claims are held against', async () => {
  const { json } = await stack.request('/metadata');
  const of = (type: string): string[] => json.rest[0].resource.find((each: any) => each.type === type).supportedProfile ?? [];
  assert.equal(of('Patient'), ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient']);
  for (const profile of of('Observation')) assert.match(profile, /^http:\/\/hl7\.org\/fhir\//);
  assert.equal(of('Basic'), []);
});

test('$validate answers 200 with each thing that is wrong in the structure', async () => {
  const found = await validate('/Patient/$validate', { resourceType: 'Patient', gender: 'm', birthDate: '2024-02-30' });
  assert.ok(found.some((issue) => issue.startsWith('error code-invalid Patient.gender')));
  assert.ok(found.some((issue) => issue.startsWith('error value Patient.birthDate')));
  assert.not.ok(found.some((issue) => /is valid/.test(issue)));
});

test('$validate takes a resource in Parameters, with mode and profile', async () => {
  const resource = { resourceType: 'Patient', text, meta: { profile: ['http://example.org/claimed'] } };
  const found = await validate('/Patient/$validate', parameters({ name: 'resource', resource }, { name: 'mode', valueCode: 'create' }));
  assert.ok(found.some((issue) => /^warning not-found .*http:\/\/example\.org\/claimed is not known/.test(issue)));
  const asked = await validate(
    '/Patient/$validate?profile=http://example.org/asked',
    parameters({ name: 'resource', resource }, { name: 'mode', valueCode: 'profile' }),
  );
  assert.ok(asked.some((issue) => /^error not-found .*http:\/\/example\.org\/asked/.test(issue)));
});

test('$validate answers 200 for XML with an element that there is not, or a value that is none', async () => {
  const xml = (inner: string): Promise<Answer> =>
    stack.request('/Patient/$validate', {
      body: `<Patient xmlns="http://hl7.org/fhir">${inner}</Patient>`,
      headers: { 'content-type': 'application/fhir+xml' },
    });
  assert.match(issues(await xml('<nmae/>'))[0]!, /^error structure Patient .*no element nmae.*, at line 1/);
  assert.match(issues(await xml('<active value="yes"/>'))[0]!, /^error structure Patient\.active .*true or false/);
  for (const inner of ['<nmae/>', '<active value="yes"/>']) assert.is((await xml(inner)).status, 200);
  assert.is((await xml('<active')).status, 400);
});

test('$validate takes Parameters that name none of its own parameters as what is to be validated', async () => {
  assert.match((await validate('/Parameters/$validate', parameters({ name: 'x', valueString: 'y' })))[0]!, /valid/);
  assert.match(
    (await validate('/$validate', parameters({ name: 'x', valueString: 'y', valueCode: 'z' })))[0]!,
    /^error structure Parameters\.parameter/,
  );
  const nothing = await stack.request('/Patient/$validate', { body: parameters() });
  assert.is(nothing.status, 400);
  assert.match(nothing.text, /nothing to validate/);
});

test('$validate holds a QuestionnaireResponse against its Questionnaire: stored, contained, or not known', async () => {
  const url = 'http://example.org/Questionnaire/q';
  const questionnaire = {
    resourceType: 'Questionnaire',
    status: 'active',
    item: [
      { linkId: 'sex', type: 'choice', answerValueSet: 'http://hl7.org/fhir/ValueSet/administrative-gender' },
      { linkId: 'own', type: 'choice', answerValueSet: '#own' },
    ],
    contained: [
      { resourceType: 'ValueSet', id: 'own', status: 'active', compose: { include: [{ system: 'urn:s', concept: [{ code: 'x' }] }] } },
    ],
    text,
  };
  const { status, text: said } = await stack.request('/Questionnaire/q', { method: 'PUT', body: { ...questionnaire, id: 'q', url } });
  assert.is(status, 201, said);
  const gender = 'http://hl7.org/fhir/administrative-gender';
  const response = (canonical: string, code: string, own: string): object => ({
    resourceType: 'QuestionnaireResponse',
    status: 'completed',
    questionnaire: canonical,
    text,
    item: [
      { linkId: 'sex', answer: [{ valueCoding: { system: gender, code } }] },
      { linkId: 'own', answer: [{ valueCoding: { system: 'urn:s', code: own } }] },
    ],
  });
  const of = (body: object): Promise<string[]> => validate('/QuestionnaireResponse/$validate', body);
  assert.match((await of(response(url, 'male', 'x')))[0]!, /^information informational .*valid/);
  const wrong = await of(response(url, 'male', 'y'));
  assert.match(wrong[0]!, /^error code-invalid QuestionnaireResponse\.item\[1\]\.answer\[0\] .*"y" is not in #own/);
  assert.match((await of(response(`${url}|9`, 'male', 'y')))[0]!, /^warning not-found .*no Questionnaire that is stored/);
  const { contained, ...asked } = questionnaire;
  const inside = { ...response('#q', 'male', 'y'), contained: [{ ...asked, id: 'q' }, ...contained] };
  assert.ok((await of(inside)).some((issue) => /"y" is not in #own/.test(issue)));
});

test('$validate goes by profiles that are stored, without running their rules', async () => {
  const profile = (id: string, rest: object): object => ({
    resourceType: 'StructureDefinition',
    id,
    url: `http://example.org/stored/${id}`,
    name: 'Stored',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Patient',
    derivation: 'constraint',
    text,
    ...rest,
  });
  const rule = { key: 'own-1', severity: 'error', human: 'never', expression: 'false' };
  const of = (id: string, element: object, baseDefinition: string): object => ({
    path: `/StructureDefinition/${id}`,
    body: profile(id, { baseDefinition, differential: { element: [element] } }),
  });
  const base = 'http://hl7.org/fhir/StructureDefinition/Patient';
  for (const { path, body } of [
    of('named', { id: 'Patient.name', path: 'Patient.name', min: 1, constraint: [rule] }, base),
    of('born', { id: 'Patient.birthDate', path: 'Patient.birthDate', min: 1 }, 'http://example.org/stored/named'),
  ] as { path: string; body: object }[]) {
    const { status, text: said } = await stack.request(path, { method: 'PUT', body });
    assert.is(status, 201, said);
  }
  const url = 'http://example.org/stored/born';
  const asked = await validate(`/Patient/$validate?profile=${url}`, { resourceType: 'Patient', text });
  assert.ok(
    asked.some((issue) => /^error required Patient\.birthDate .*stored\/born/.test(issue)),
    asked.join('\n'),
  );
  assert.ok(
    asked.some((issue) => /^error required Patient\.name .*stored\/named/.test(issue)),
    asked.join('\n'),
  );
  const good = { resourceType: 'Patient', text, name: [{ family: 'x' }], birthDate: '1970', meta: { profile: [url] } };
  assert.match((await validate('/Patient/$validate', good))[0]!, /^information informational .*valid/);
  const claimed = { resourceType: 'Patient', text, meta: { profile: [url] } };
  assert.ok((await validate('/Patient/$validate', claimed)).some((issue) => issue.startsWith('error required Patient.name')));
  const extension = Array.from({ length: 30 }, (_, i) => ({ url: `http://example.org/unknown/${i}`, valueBoolean: true }));
  const extended = await validate('/Patient/$validate', { ...claimed, extension });
  assert.ok(
    extended.some((issue) => issue.startsWith('error required Patient.name')),
    'unknown extensions keep none of a profile from being found',
  );
  assert.is((await stack.request('/Patient', { body: claimed })).status, 201, 'a write is held against no profile of a client');
});

test('$validate goes by stored definitions of extensions, and by what resources within a resource claim', async () => {
  const definition = (id: string, type: string, rest: object): object => ({
    resourceType: 'StructureDefinition',
    id,
    url: `http://example.org/stored/${id}`,
    name: 'Stored',
    status: 'active',
    kind: 'complex-type',
    abstract: false,
    type,
    baseDefinition: `http://hl7.org/fhir/StructureDefinition/${type}`,
    derivation: 'constraint',
    ...rest,
  });
  const name = [{ id: 'Patient.name', path: 'Patient.name', min: 1 }];
  const value = [{ id: 'Extension.value[x]', path: 'Extension.value[x]', type: [{ code: 'boolean' }] }];
  for (const body of [
    definition('within', 'Patient', { kind: 'resource', differential: { element: name } }),
    definition('placed', 'Extension', { context: [{ type: 'element', expression: 'Patient' }], differential: { element: value } }),
  ] as { id: string }[]) {
    const { status, text: said } = await stack.request(`/StructureDefinition/${body.id}`, { method: 'PUT', body });
    assert.is(status, 201, said);
  }
  const extension = (valueX: object): object => ({ extension: [{ url: 'http://example.org/stored/placed', ...valueX }] });
  const patient = { resourceType: 'Patient', meta: { profile: ['http://example.org/stored/within'] } };
  const cases: readonly (readonly [body: object, says: RegExp])[] = [
    [{ resourceType: 'Patient', ...extension({ valueString: 'x' }) }, /^error \S+ Patient\.extension\[0\]/],
    [{ resourceType: 'Basic', code: { text: 'x' }, ...extension({ valueBoolean: true }) }, /^error structure Basic.* it is for Patient$/],
    [{ resourceType: 'Bundle', type: 'collection', entry: [{ resource: patient }] }, /^error required Bundle\.entry\[0\]\.resource\.name/],
  ];
  for (const [body, says] of cases) {
    const found = await validate('/$validate', body);
    assert.ok(
      found.some((issue) => says.test(issue)),
      found.join('\n'),
    );
  }
  const good = await validate('/$validate', { resourceType: 'Patient', ...extension({ valueBoolean: true }) });
  assert.not.ok(good.some((issue) => issue.startsWith('error')));
});

test('$validate goes by the stored value sets that profiles bind to, known profiles too', async () => {
  const put = async (body: { resourceType: string; id: string; [element: string]: unknown }): Promise<void> => {
    const { status, text: said } = await stack.request(`/${body.resourceType}/${body.id}`, { method: 'PUT', body });
    assert.is(status, 201, said);
  };
  const system = 'http://example.org/stored/shades';
  const valueSet = 'http://example.org/stored/dark';
  await put({
    resourceType: 'StructureDefinition',
    id: 'shaded',
    url: 'http://example.org/stored/shaded',
    name: 'Shaded',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Basic',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Basic',
    derivation: 'constraint',
    differential: {
      element: [{ id: 'Basic.code', path: 'Basic.code', min: 1, binding: { strength: 'required', valueSet: `${valueSet}|1` } }],
    },
  });
  const basic = (code: string): object => ({ resourceType: 'Basic', code: { coding: [{ system, code }] } });
  const asked = (code: string): Promise<string[]> => validate('/Basic/$validate?profile=http://example.org/stored/shaded', basic(code));
  assert.ok((await asked('white')).some((issue) => /^information not-supported .*dark\|1 is not loaded/.test(issue)));
  await put({
    resourceType: 'CodeSystem',
    id: 'shades',
    url: system,
    status: 'active',
    content: 'complete',
    concept: [{ code: 'black' }, { code: 'white' }],
  });
  const include = [{ system, filter: [{ property: 'code', op: 'regex', value: 'b.*' }] }];
  await put({ resourceType: 'ValueSet', id: 'dark', url: valueSet, version: '1', status: 'active', compose: { include } });
  assert.ok((await asked('white')).some((issue) => issue.startsWith('error code-invalid Basic.code')));
  assert.not.ok((await asked('black')).some((issue) => /^error|not-supported/.test(issue)));
  const sex = { url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-birthsex', valueCode: 'black' };
  const born = (): Promise<string[]> => validate('/Patient/$validate', { resourceType: 'Patient', extension: [sex] });
  assert.not.ok((await born()).some((issue) => issue.startsWith('error')));
  const compose = { include: [{ system, concept: [{ code: 'white' }] }] };
  await put({ resourceType: 'ValueSet', id: 'sex', url: 'http://hl7.org/fhir/us/core/ValueSet/birthsex', status: 'active', compose });
  assert.ok((await born()).some((issue) => issue.startsWith('error code-invalid Patient.extension[0].value')));
  await stack.request('/ValueSet/sex', { method: 'DELETE' });
});

test('$validate evaluates the invariants of R4, with their keys and paths', async () => {
  const found = await validate('/Patient/$validate', { resourceType: 'Patient', contact: [{ gender: 'male' }] });
  assert.ok(
    found.some((issue) => /^error invariant Patient\.contact\[0\] .*\(pat-1\)/.test(issue)),
    found.join('\n'),
  );
  assert.ok(found.some((issue) => /^warning invariant Patient .*\(dom-6\)/.test(issue)));
  const { status } = await stack.request('/Patient', { body: { resourceType: 'Patient', contact: [{ gender: 'male' }] } });
  assert.is(status, 201, 'a write is checked for its structure unless VALIDATION=full');
});

test('$validate compares a resource with the address', async () => {
  assert.match((await validate('/Patient/$validate', { resourceType: 'Basic' }))[0]!, /is a Basic, but this address validates a Patient/);
  assert.match((await validate('/$validate', { resourceType: 'Pacient' }))[0]!, /Pacient is no R4 resource type/);
  const update = parameters({ name: 'resource', resource: { resourceType: 'Patient' } }, { name: 'mode', valueCode: 'update' });
  assert.match((await validate('/Patient/$validate', update))[0]!, /error invalid Patient\.id .*must carry the id/);
  assert.match((await validate('/$validate', { resourceType: 'Patient', text }))[0]!, /valid/);
});

test('$validate of a stored resource, and whether it can be deleted', async () => {
  const { json } = await stack.request('/Basic', { body: { resourceType: 'Basic', text, code: { text: 'x' } } });
  const stored = await stack.request(`/Basic/${json.id}/$validate`);
  assert.is(stored.status, 200);
  assert.match(issues(stored).at(-1)!, /valid/);
  const other = await validate(`/Basic/${json.id}/$validate`, { resourceType: 'Basic', id: 'other', code: { text: 'x' } });
  assert.match(other[0]!, /another id than the address/);
  assert.match((await validate(`/Basic/${json.id}/$validate?mode=delete`, ''))[0]!, /can be deleted/);
  assert.match((await validate('/Basic/nobody/$validate?mode=delete', ''))[0]!, /error invalid .*no Basic\/nobody to delete/);
  assert.is((await stack.request('/Basic/nobody/$validate')).status, 404);
  assert.is((await stack.request(`/Basic/${json.id}`)).json.meta.versionId, '1');
});

test('$validate refuses what can not be asked, with 4xx', async () => {
  for (const body of [undefined, { resourceType: 'Parameters', parameter: [{ name: 'mode', valueCode: 'create' }] }]) {
    const { status, text } = await stack.request('/Patient/$validate', body === undefined ? {} : { body });
    assert.is(status, 400, text);
    assert.match(text, /nothing to validate/);
  }
  const post = async (path: string, body: object | string): Promise<number> => (await stack.request(path, { body })).status;
  assert.is(await post('/Patient/$validate', '{"resourceType":'), 400);
  assert.is(await post('/Patient/$validate?mode=maybe', { resourceType: 'Patient' }), 400);
  assert.is(await post('/Patient/$validate?mode=profile', { resourceType: 'Patient' }), 400);
  assert.is(await post('/Patient/$validate?mode=delete', { resourceType: 'Patient' }), 400);
  assert.is((await stack.request('/Patient/$validate', { client: 'reader-demo', body: { resourceType: 'Patient' } })).status, 403);
});

test.run();
