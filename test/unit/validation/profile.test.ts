import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import type { Json } from '../../../fhir/json/value.ts';
import { coreSource, firstOf, resourceSource } from '../../../fhir/terminology/sources.ts';
import { createResourceValidator, type ResourceValidator } from '../../../fhir/validation/resource-validator.ts';

const registry = loadRegistry();
const terminology = firstOf(
  resourceSource([
    {
      resourceType: 'ValueSet',
      url: 'http://example.org/colours',
      compose: { include: [{ system: 'http://a.b', concept: [{ code: 'red' }] }] },
    },
  ]),
  coreSource(),
);
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition/';
const OWN = 'http://example.org/profile';

/** A validator that knows one profile more: the elements of its snapshot, by id. */
const withProfile = (type: string, elements: Readonly<Record<string, object>>): ResourceValidator => {
  const element = [
    { id: type, path: type },
    ...Object.entries(elements).map(([id, rest]) => ({ id, path: id.replaceAll(/:[^.]*/g, ''), ...rest })),
  ];
  const resource = { resourceType: 'StructureDefinition', url: OWN, version: '1', type, derivation: 'constraint', snapshot: { element } };
  return createResourceValidator({ registry, terminology, profiles: [{ url: OWN, resource: () => resource }], onWrite: 'structure' });
};
const shipped = createResourceValidator({ registry, terminology, profiles: [], onWrite: 'structure' });
const broken = (validator: ResourceValidator, resource: Json, profile = OWN): string[] => {
  const type = String(resource['resourceType']);
  const claiming = { ...resource, meta: { profile: [profile] } };
  assert.equal(validator.validate(claiming, type), []);
  return validator.rules(claiming, type).map(({ diagnostics }) => diagnostics);
};
const refuses = (found: readonly string[], ...says: readonly RegExp[]): void => {
  for (const each of says)
    assert.ok(
      found.some((issue) => each.test(issue)),
      `${each}: ${found.join('\n') || 'nothing was broken'}`,
    );
  assert.is(found.length, says.length, found.join('\n'));
};

const patient: Json = {
  resourceType: 'Patient',
  identifier: [{ system: 'http://a.b', value: '1' }],
  name: [{ family: 'x' }],
  gender: 'male',
  extension: [{ url: `${US_CORE}us-core-race`, extension: [{ url: 'text', valueString: 'White' }] }],
};
const component = (code: string, unit = 'mm[Hg]'): object => ({
  code: { coding: [{ system: 'http://loinc.org', code }] },
  valueQuantity: { value: 1, unit: 'mmHg', system: 'http://unitsofmeasure.org', code: unit },
});
const pressure: Json = {
  resourceType: 'Observation',
  status: 'final',
  category: [{ text: 'x' }, { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] }],
  code: { coding: [{ system: 'http://loinc.org', code: '85354-9', display: 'more than the pattern has' }] },
  subject: { reference: 'Patient/1' },
  effectiveDateTime: '2024-01-31',
  component: [component('8480-6'), component('8462-4')],
};
const US_PATIENT = `${US_CORE}us-core-patient`;
const US_PRESSURE = `${US_CORE}us-core-blood-pressure`;
const { identifier: _, ...anonymous } = patient;
const { effectiveDateTime: __, ...undated } = pressure;

test('a good Patient and a good blood pressure keep US Core', () => {
  assert.equal(broken(shipped, patient, US_PATIENT), []);
  assert.equal(broken(shipped, patient, `${US_PATIENT}|5.0.1`), []);
  assert.equal(broken(shipped, pressure, US_PRESSURE), []);
  assert.equal(broken(shipped, { ...undated, effectivePeriod: { start: '2024' } }, US_PRESSURE), []);
});

const US_BAD: Readonly<Record<string, readonly [Json, string, RegExp]>> = {
  'a required element missing': [anonymous, US_PATIENT, /^Patient\.identifier: it is required \(.*us-core-patient\|5\.0\.1\)$/],
  'a constraint broken': [{ ...patient, name: [{ text: 'x' }] }, US_PATIENT, /^Patient: .*\(us-core-6\)/],
  'an extension too often': [
    { ...patient, extension: [1, 2].flatMap(() => patient['extension']) },
    US_PATIENT,
    /^Patient\.extension: race: 1 at most/,
  ],
  'an extension without what its definition requires': [
    { ...patient, extension: [{ url: `${US_CORE}us-core-race`, extension: [{ url: 'detailed', valueCoding: { code: 'x' } }] }] },
    US_PATIENT,
    /^Patient\.extension\[0\]\.extension: text: it is required/,
  ],
  'a slice missing': [{ ...pressure, category: [{ text: 'x' }] }, US_PRESSURE, /^Observation\.category: VSCat: it is required/],
  'a pattern missed': [
    { ...pressure, code: { coding: [{ system: 'http://loinc.org', code: '1' }] } },
    US_PRESSURE,
    /^Observation\.code: it should contain .*85354-9/,
  ],
  'a fixed value missed in a slice': [
    { ...pressure, component: [component('8480-6'), component('8462-4', 'kPa')] },
    US_PRESSURE,
    /^Observation\.component\[1\]\.valueQuantity\.code: "kPa" should be "mm\[Hg\]"/,
  ],
  'a reference to another type': [
    { ...pressure, subject: { reference: 'Group/1' } },
    US_PRESSURE,
    /^Observation\.subject: a reference to Group.*it is to Patient/,
  ],
  'a date that is too short': [{ ...pressure, effectiveDateTime: '2024' }, US_PRESSURE, /^Observation\.effectiveDateTime: .*\(vs-1\)/],
  'another type than that of the profile': [pressure, US_PATIENT, /^Observation: it claims to be a Patient/],
};
for (const [name, [resource, profile, says]] of Object.entries(US_BAD)) {
  test(`refuses ${name}, by US Core`, () => refuses(broken(shipped, resource, profile), says));
}

test('a write is not refused by a profile, or version of one, that is not known', () => {
  assert.equal(broken(shipped, patient, 'http://example.org/unknown'), []);
  assert.equal(broken(shipped, anonymous, `${US_PATIENT}|9.9.9`), []);
});

test('a profile that can not be compiled refuses nobody, and $validate says why', () => {
  const validator = withProfile('Patient', { 'Patient.name.period.start': { min: 1 } });
  const claiming = { resourceType: 'Patient', meta: { profile: [OWN] }, active: true };
  assert.equal(validator.rules(claiming, 'Patient'), []);
  const found = validator.everything(claiming, 'Patient').map(({ severity, diagnostics }) => `${severity} ${diagnostics}`);
  assert.ok(
    found.some((issue) => /^warning .*can't be used: the element Patient\.name\.period\.start .* has no parent/.test(issue)),
    found.join('\n'),
  );
});

test('counts elements, also those of parts, and of extensions of a primitive', () => {
  const validator = withProfile('Patient', {
    'Patient.photo': { max: '0' },
    'Patient.name': { min: 2, max: '3' },
    'Patient.name.given': { min: 1 },
    'Patient.birthDate': {},
    'Patient.birthDate.extension': { min: 1 },
  });
  const name = { given: ['a'] };
  assert.equal(broken(validator, { resourceType: 'Patient', name: [name, name] }), []);
  refuses(
    broken(validator, {
      resourceType: 'Patient',
      photo: [{ title: 'x' }],
      name: [{ family: 'b' }],
      birthDate: '2020',
      _birthDate: { id: 'a' },
    }),
    /^Patient\.photo: it is not allowed/,
    /^Patient\.name: at least 2 are required/,
    /^Patient\.name\[0\]\.given: it is required/,
    /^Patient\.birthDate\.extension: it is required/,
  );
});

test('restricts the types of a choice', () => {
  const validator = withProfile('Observation', { 'Observation.value[x]': { type: [{ code: 'Quantity' }, { code: 'string' }] } });
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
  assert.equal(broken(validator, { ...observation, valueString: 'x' }), []);
  refuses(broken(validator, { ...observation, valueInteger: 1 }), /^Observation\.valueInteger: its type should be Quantity or string/);
});

test('holds values against the least and the most that a profile allows', () => {
  const [kilo, gram] = ['kg', 'g'].map((code) => ({ system: 'http://unitsofmeasure.org', code }));
  const validator = withProfile('Observation', {
    'Observation.value[x]': { minValueQuantity: { value: 1, ...kilo }, maxValueDateTime: '2024-06' },
    'Observation.effective[x]': { minValueDateTime: '2024' },
  });
  const observation = (more: object): Json => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...more });
  assert.equal(broken(validator, observation({ valueQuantity: { value: 1000, ...gram }, effectiveDateTime: '2024' })), []);
  assert.equal(broken(validator, observation({ valueDateTime: '2024-06-30' })), []);
  refuses(broken(validator, observation({ valueQuantity: { value: 999, ...gram } })), /^Observation\.valueQuantity: it should be at least/);
  refuses(broken(validator, observation({ valueDateTime: '2024-07-01' })), /^Observation\.valueDateTime: it should be at most "2024-06"/);
  refuses(
    broken(validator, observation({ effectiveDateTime: '2023-12-31' })),
    /^Observation\.effectiveDateTime: it should be at least "2024"/,
  );
  const whole = withProfile('Task', {
    'Task.restriction': {},
    'Task.restriction.repetitions': { minValuePositiveInt: 2, maxValuePositiveInt: 4 },
  });
  const task = (repetitions: number): Json => ({ resourceType: 'Task', status: 'draft', intent: 'order', restriction: { repetitions } });
  assert.equal(
    [2, 4].flatMap((each) => broken(whole, task(each))),
    [],
  );
  refuses(broken(whole, task(1)), /at least 2/);
  refuses(broken(whole, task(5)), /at most 4/);
});

const BASE = 'http://hl7.org/fhir/StructureDefinition/';
/** A validator that knows profiles by their differentials. */
const withDifferentials = (...profiles: readonly { readonly url: string; readonly [member: string]: unknown }[]): ResourceValidator =>
  createResourceValidator({
    registry,
    terminology,
    profiles: profiles.map((each) => ({
      url: each.url,
      resource: () => ({ resourceType: 'StructureDefinition', derivation: 'constraint', ...each }),
    })),
    onWrite: 'structure',
  });
const differential = (...element: object[]): object => ({ differential: { element } });

test('a profile without a snapshot counts by its differential, besides its base', () => {
  const first = { url: 'http://example.org/first', type: 'Patient', baseDefinition: `${BASE}Patient` };
  const validator = withDifferentials(
    { ...first, ...differential({ id: 'Patient.name', path: 'Patient.name', min: 1 }) },
    {
      url: OWN,
      type: 'Patient',
      baseDefinition: first.url,
      ...differential({ id: 'Patient.contact.name.family', path: 'Patient.contact.name.family', min: 1 }),
    },
  );
  const contact = { name: { given: ['y'] } };
  assert.equal(broken(validator, { resourceType: 'Patient', name: [{ family: 'x' }], contact: [{ name: { family: 'y' } }] }), []);
  refuses(
    broken(validator, { resourceType: 'Patient', contact: [contact] }),
    /^Patient\.name: it is required \(http:\/\/example\.org\/first\)/,
    /^Patient\.contact\[0\]\.name\.family: it is required/,
  );
});

test('a differential may leave out ids, and what goes without saying of slices', () => {
  const telecom = 'Patient.telecom';
  const validator = withDifferentials({
    url: OWN,
    type: 'Patient',
    ...differential(
      {
        path: telecom,
        slicing: {
          discriminator: [
            { type: 'value', path: 'system' },
            { type: 'value', path: 'use' },
          ],
          rules: 'closed',
        },
      },
      { path: telecom, sliceName: 'home' },
      { path: `${telecom}.system`, fixedCode: 'phone' },
      { path: `${telecom}.use`, fixedCode: 'home' },
      { path: telecom, sliceName: 'mail' },
      { path: `${telecom}.system`, fixedCode: 'email' },
      { path: `${telecom}.use`, max: '0' },
      { path: 'Patient.gender', min: 1 },
    ),
  });
  const of = (...points: object[]): string[] => broken(validator, { resourceType: 'Patient', gender: 'male', telecom: points });
  assert.equal(of({ system: 'phone', value: '1', use: 'home' }, { system: 'email', value: '2' }), []);
  refuses(of({ system: 'email', value: '2', use: 'home' }), /^Patient\.telecom\[0\]: it is none of home, mail/);
  refuses(broken(validator, { resourceType: 'Patient' }), /^Patient\.gender: it is required/);
});

test('profiles that are based on each other end', () => {
  const [a, b] = [OWN, 'http://example.org/other'];
  const validator = withDifferentials(
    { url: a, type: 'Patient', baseDefinition: b, ...differential({ path: 'Patient.gender', min: 1 }) },
    { url: b!, type: 'Patient', baseDefinition: a, ...differential({ path: 'Patient.active', min: 1 }) },
  );
  assert.equal(broken(validator, { resourceType: 'Patient', gender: 'male', active: true }), []);
  assert.ok(broken(validator, { resourceType: 'Patient', active: true }).some((each) => each.startsWith('Patient.gender')));
});

test('profiles of clients that lead to each other on very many ways are refused', () => {
  const urls = Array.from({ length: 18 }, (_, i) => `http://example.org/way/${i}`);
  const definitions = urls.map((url, i) => {
    const element = [
      { path: 'Patient', type: [{ code: 'Patient', profile: urls.slice(i + 1) }] },
      { path: 'Patient.gender', min: 1 },
    ];
    return { url, resource: () => ({ resourceType: 'StructureDefinition', url, type: 'Patient', differential: { element } }) };
  });
  assert.throws(
    () => shipped.everything({ resourceType: 'Patient' }, 'Patient', { profiles: [urls[0]!], definitions }),
    ({ status }: { status: number }) => status === 413,
  );
  const [self] = definitions.slice(0, 1);
  const loop = { path: 'Patient', type: [{ code: 'Patient', profile: [self!.url] }] };
  const own = {
    url: self!.url,
    resource: () => ({ resourceType: 'StructureDefinition', url: self!.url, type: 'Patient', differential: { element: [loop] } }),
  };
  assert.ok(
    shipped
      .everything({ resourceType: 'Patient' }, 'Patient', { profiles: [self!.url], definitions: [own] })
      .every(({ severity }) => severity !== 'error'),
  );
});

test('the resources of a Bundle are told apart by their profiles, and by the types of these', () => {
  const entry = (name: string, profile: string): object[] => [
    { path: 'Bundle.entry', sliceName: name, min: 1, max: '1' },
    { path: 'Bundle.entry.resource', min: 1, type: [{ code: 'Resource', profile: [profile] }] },
  ];
  const validator = withDifferentials(
    {
      url: OWN,
      type: 'Bundle',
      ...differential(
        { path: 'Bundle.entry', slicing: { discriminator: [{ type: 'profile', path: 'resource' }], rules: 'closed' } },
        ...entry('loose', 'http://example.org/loose'),
        ...entry('person', `${BASE}Person`),
      ),
    },
    { url: 'http://example.org/loose', type: 'Patient', ...differential({ path: 'Patient.birthDate', max: '0' }) },
  );
  const bundle = (...types: string[]): Json => ({
    resourceType: 'Bundle',
    type: 'collection',
    entry: types.map((resourceType) => ({ resource: { resourceType } })),
  });
  assert.equal(broken(validator, bundle('Patient', 'Person')), []);
  refuses(broken(validator, bundle('Person')), /^Bundle\.entry: loose: it is required/);
});

test('an extension may stand where the FHIRPath of its definition leads', () => {
  const url = 'http://example.org/extension';
  const validator = withDifferentials({
    url,
    type: 'Extension',
    baseDefinition: `${BASE}Extension`,
    context: [{ type: 'fhirpath', expression: "Patient.address.where(use = 'home')" }],
    ...differential({ id: 'Extension.value[x]', path: 'Extension.value[x]', min: 1 }),
  });
  const errors = (use: string): string[] =>
    validator
      .everything({ resourceType: 'Patient', address: [{ use, city: 'x', extension: [{ url, valueString: 'y' }] }] }, 'Patient')
      .flatMap(({ severity, diagnostics }) => (severity === 'error' ? [diagnostics] : []));
  assert.equal(errors('home'), []);
  refuses(errors('work'), /^Patient\.address\[0\]\.extension\[0\]: .* isn't defined for this element/);
});

const RULES: Readonly<Record<string, readonly [expression: string, kept: object, broken: object]>> = {
  'memberOf of a CodeableConcept': [
    "memberOf('http://example.org/colours')",
    {
      coding: [
        { system: 'http://x.y', code: 'z' },
        { system: 'http://a.b', code: 'red' },
      ],
    },
    { coding: [{ system: 'http://a.b', code: 'blue' }] },
  ],
  'memberOf of a Coding and of R4': [
    "coding.all(memberOf('http://hl7.org/fhir/ValueSet/administrative-gender'))",
    { coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code: 'male' }] },
    { coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code: 'm' }] },
  ],
  'conformsTo of a base type': [
    "%resource.conformsTo('http://hl7.org/fhir/StructureDefinition/Basic') and text = 'x'",
    { text: 'x' },
    { text: 'y' },
  ],
  'the variables of R4': [
    "coding.where(system = %sct or system = %loinc).exists() and %`vs-languages` = 'http://hl7.org/fhir/ValueSet/languages' and %`ext-regex` = 'http://hl7.org/fhir/StructureDefinition/regex'",
    { coding: [{ system: 'http://loinc.org', code: 'x' }] },
    { coding: [{ system: 'http://a.b', code: 'x' }] },
  ],
};
for (const [name, [expression, kept, other]] of Object.entries(RULES)) {
  test(`a rule of a profile may use ${name}`, () => {
    const validator = withProfile('Basic', {
      'Basic.code': { constraint: [{ key: 'own-1', severity: 'error', human: 'rule', expression }] },
    });
    assert.equal(broken(validator, { resourceType: 'Basic', code: kept }), []);
    refuses(broken(validator, { resourceType: 'Basic', code: other }), /\(own-1\)$/);
  });
}

test('a required binding refuses, an extensible one warns at $validate, and one that is not loaded is said to be unchecked', () => {
  const binding = (strength: string, valueSet: string): ResourceValidator =>
    withProfile('Basic', { 'Basic.code': { binding: { strength, valueSet } } });
  const basic = (code: string): Json => ({ resourceType: 'Basic', code: { coding: [{ system: 'http://a.b', code }] } });
  const required = binding('required', 'http://example.org/colours');
  assert.equal(broken(required, basic('red')), []);
  refuses(
    broken(required, basic('blue')),
    /^Basic\.code: "http:\/\/a\.b\|blue" is not in http:\/\/example\.org\/colours, which is required/,
  );
  refuses(broken(required, { resourceType: 'Basic', code: { text: 'blue' } }), /a text alone is not in/);
  const everything = (validator: ResourceValidator): string[] =>
    validator
      .everything({ ...basic('blue'), meta: { profile: [OWN] } }, 'Basic')
      .map(({ severity, diagnostics }) => `${severity} ${diagnostics}`);
  const extensible = binding('extensible', 'http://example.org/colours');
  assert.equal(broken(extensible, basic('blue')), []);
  assert.ok(everything(extensible).some((issue) => /^warning Basic\.code: .*should be used/.test(issue)));
  const missing = binding('required', 'http://example.org/nothing');
  assert.equal(broken(missing, basic('blue')), []);
  assert.ok(everything(missing).some((issue) => issue.startsWith('information Basic.code: its code was not checked, since the value set')));
});

const slicing = (type: string, path: string, rest: object = {}): object => ({
  slicing: { discriminator: [{ type, path }], rules: 'open', ...rest },
});
const phone = (system: string, use?: string): object => ({ system, value: '1', ...(use !== undefined && { use }) });
const telecoms = (...telecom: object[]): Json => ({ resourceType: 'Patient', telecom });

test('slices by a value, closed and in order', () => {
  const validator = withProfile('Patient', {
    'Patient.telecom': slicing('value', 'system', { rules: 'closed', ordered: true }),
    'Patient.telecom:phone': { min: 1, max: '1' },
    'Patient.telecom:phone.system': { min: 1, fixedCode: 'phone' },
    'Patient.telecom:phone.use': { min: 1 },
    'Patient.telecom:mail': {},
    'Patient.telecom:mail.system': { min: 1, fixedCode: 'email' },
  });
  assert.equal(broken(validator, telecoms(phone('phone', 'home'), phone('email'))), []);
  refuses(broken(validator, telecoms(phone('phone'))), /^Patient\.telecom\[0\]\.use: it is required/);
  refuses(broken(validator, telecoms(phone('email'))), /^Patient\.telecom: phone: it is required/);
  refuses(broken(validator, telecoms(phone('phone', 'home'), phone('fax'))), /^Patient\.telecom\[1\]: it is none of phone, mail/);
  refuses(broken(validator, telecoms(phone('email'), phone('phone', 'home'))), /^Patient\.telecom\[1\]: phone should come earlier/);
  refuses(broken(validator, telecoms(phone('phone', 'home'), phone('phone', 'work'))), /^Patient\.telecom: phone: 1 at most/);
});

test('slices by a required binding; by one that is not loaded they can’t be told apart', () => {
  const by = (valueSet: string): ResourceValidator =>
    withProfile('Observation', {
      'Observation.component': slicing('pattern', 'code'),
      'Observation.component:bound': { min: 1 },
      'Observation.component:bound.code': { min: 1, binding: { strength: 'required', valueSet } },
      'Observation.component:bound.interpretation': { min: 1 },
      'Observation.component:named': {},
      'Observation.component:named.code': { min: 1, patternCodeableConcept: { coding: [{ system: 'http://a.b', code: 'named' }] } },
    });
  const of = (...codes: string[]): Json => ({
    resourceType: 'Observation',
    status: 'final',
    code: { text: 'x' },
    component: codes.map((code) => ({ code: { coding: [{ system: 'http://a.b', code }] } })),
  });
  const known = by('http://example.org/colours');
  refuses(broken(known, of('red', 'named')), /^Observation\.component\[0\]\.interpretation: it is required/);
  refuses(broken(known, of('named')), /^Observation\.component: bound: it is required/);
  const missing = by('http://example.org/nothing');
  for (const codes of [['red', 'named'], ['red'], ['named', 'red']]) assert.equal(broken(missing, of(...codes)), [], codes.join());
});

test('slices by existence', () => {
  const validator = withProfile('Patient', {
    'Patient.telecom': slicing('exists', 'use'),
    'Patient.telecom:used': { max: '1' },
    'Patient.telecom:used.use': { min: 1 },
    'Patient.telecom:unused': { max: '1' },
    'Patient.telecom:unused.use': { max: '0' },
  });
  assert.equal(broken(validator, telecoms(phone('phone', 'home'), phone('phone'))), []);
  refuses(broken(validator, telecoms(phone('phone'), phone('fax'))), /unused: 1 at most/);
});

test('slices by type: of a choice, of a resource, of what is referred to', () => {
  const choice = withProfile('Observation', {
    'Observation.value[x]': slicing('type', '$this'),
    'Observation.value[x]:valueQuantity': { type: [{ code: 'Quantity' }] },
    'Observation.value[x]:valueQuantity.unit': { min: 1 },
  });
  const observation = { resourceType: 'Observation', status: 'final', code: { text: 'x' } };
  assert.equal(broken(choice, { ...observation, valueString: 'x' }), []);
  refuses(broken(choice, { ...observation, valueQuantity: { value: 1 } }), /^Observation\.valueQuantity\.unit: it is required/);

  const bundle = withProfile('Bundle', {
    'Bundle.entry': slicing('type', 'resource'),
    'Bundle.entry:patient': { min: 1, max: '1' },
    'Bundle.entry:patient.resource': { type: [{ code: 'Patient' }] },
  });
  const entries = (...types: string[]): Json => ({
    resourceType: 'Bundle',
    type: 'collection',
    entry: types.map((resourceType) => ({ resource: { resourceType } })),
  });
  assert.equal(broken(bundle, entries('Patient', 'Organization')), []);
  refuses(broken(bundle, entries('Organization')), /^Bundle\.entry: patient: it is required/);

  const references = withProfile('Observation', {
    'Observation.performer': slicing('type', 'resolve()'),
    'Observation.performer:who': {
      min: 1,
      type: [{ code: 'Reference', targetProfile: ['http://hl7.org/fhir/StructureDefinition/Practitioner'] }],
    },
  });
  assert.equal(broken(references, { ...observation, performer: [{ reference: 'Practitioner/1' }] }), []);
  refuses(broken(references, { ...observation, performer: [{ reference: 'Organization/1' }] }), /performer: who: it is required/);
  assert.equal(broken(references, { ...observation, performer: [{ display: 'somebody' }] }), [], 'it can not be told');
});

test('slices by a profile', () => {
  const validator = withProfile('Bundle', {
    'Bundle.entry': slicing('profile', 'resource'),
    'Bundle.entry:patient': { max: '0' },
    'Bundle.entry:patient.resource': { type: [{ code: 'Patient', profile: [US_PATIENT] }] },
  });
  const bundle = (resource: Json): Json => ({ resourceType: 'Bundle', type: 'collection', entry: [{ resource }] });
  assert.equal(broken(validator, bundle(anonymous)), []);
  refuses(broken(validator, bundle(patient)), /patient: it is not allowed/);
});

test('an entry of a Bundle is held to what it claims itself', () => {
  const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: { ...anonymous, meta: { profile: [US_PATIENT] } } }] };
  const [issue] = shipped.rules(bundle, 'Bundle');
  assert.is(issue?.expression, 'Bundle.entry[0].resource.identifier');
});

test('$validate checks an extension by its definition', () => {
  const found = shipped.everything(
    { resourceType: 'Patient', extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/patient-birthPlace', valueString: 'x' }] },
    'Patient',
  );
  assert.ok(
    found.some(({ severity, diagnostics }) => severity === 'error' && diagnostics.startsWith('Patient.extension[0].valueString: its type')),
  );
});

test('$validate warns of a narrative without its namespace, and a write takes it', () => {
  const patient = (div: string): Json => ({ resourceType: 'Patient', text: { status: 'generated', div } });
  const bare = patient('<div>x</div>');
  const bundle = { resourceType: 'Bundle', type: 'collection', entry: [{ resource: bare }] };
  const warnings = (resource: Json): string[] =>
    shipped
      .everything(resource, String(resource['resourceType']))
      .filter(({ diagnostics }) => /namespace/.test(diagnostics))
      .map(({ severity, expression }) => `${severity} ${expression}`);
  assert.equal(warnings(bare), ['warning Patient.text.div']);
  assert.equal(warnings(bundle), ['warning Bundle.entry[0].resource.text.div']);
  for (const xmlns of ['xmlns="http://www.w3.org/1999/xhtml"', 'lang="en" xmlns="http://www.w3.org/1999/xhtml"'])
    assert.equal(warnings(patient(`<div ${xmlns}>x</div>`)), []);
  assert.equal([...shipped.validate(bare, 'Patient'), ...shipped.rules(bare, 'Patient')], []);
});

test.run();
