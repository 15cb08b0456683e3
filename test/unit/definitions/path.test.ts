import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { compilePath } from '../../../fhir/definitions/path.ts';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';

const registry = loadRegistry();
const found = (expression: string, resource: { readonly resourceType: string; readonly [element: string]: unknown }): unknown[] => {
  const values: unknown[] = [];
  for (const { select } of compilePath(expression, resource.resourceType, registry))
    select(resource, (value, type) => values.push([value, type]));
  return values;
};

test('every search parameter of every resource type compiles to at least one path', () => {
  const bad: string[] = [];
  let compiled = 0;
  for (const type of registry.resourceTypes) {
    for (const { code, expression } of registry.searchParameters(type)) {
      if (expression === '') continue;
      const paths = compilePath(expression, type, registry);
      if (paths.length === 0 || paths.some(({ types }) => types.length === 0)) bad.push(`${type}.${code}: ${expression}`);
      compiled += paths.length;
    }
  }
  assert.equal(bad, []);
  assert.ok(compiled > 1375, String(compiled));
});

test('finds each value of a repeating element, and those of its choice types', () => {
  const patient = { resourceType: 'Patient', name: [{ given: ['A', 'B'] }, { given: ['C'] }], deceasedDateTime: '2020' };
  assert.equal(found('Patient.name.given', patient), [
    ['A', 'string'],
    ['B', 'string'],
    ['C', 'string'],
  ]);
  assert.equal(found('(Patient.deceased.ofType(dateTime))', patient), [['2020', 'dateTime']]);
});

test('says whether somebody is deceased by either form of the element', () => {
  const patient = (elements: object): { resourceType: string } => Object.assign({ resourceType: 'Patient' }, elements);
  const expression = 'Patient.deceased.exists() and Patient.deceased != false';
  assert.equal(found(expression, patient({ deceasedDateTime: '2020' })), [[true, 'boolean']]);
  assert.equal(found(expression, patient({ deceasedBoolean: false })), [[false, 'boolean']]);
  assert.equal(found(expression, { resourceType: 'Patient' }), [[false, 'boolean']]);
});

test('keeps only references to the type that resolve() is asked for', () => {
  const observation = (reference: string): { resourceType: string } =>
    Object.assign({ resourceType: 'Observation' }, { subject: { reference } });
  const expression = 'Observation.subject.where(resolve() is Patient)';
  assert.is(found(expression, observation('Patient/1')).length, 1);
  assert.is(found(expression, observation('https://elsewhere.org/fhir/Patient/1')).length, 1);
  assert.is(found(expression, observation('Group/1')).length, 0);
});

test('keeps only elements whose code is the one asked for', () => {
  const patient = {
    resourceType: 'Patient',
    telecom: [
      { system: 'email', value: 'a@b' },
      { system: 'phone', value: '1' },
    ],
  };
  assert.equal(found("Patient.telecom.where(system='phone')", patient), [[{ system: 'phone', value: '1' }, 'ContactPoint']]);
});

test('keeps only elements that meet all conditions, whichever way they are written', () => {
  const telecom = [
    { system: 'phone', use: 'home', value: '1' },
    { system: 'phone', use: 'work', value: '2' },
    { system: 'email', use: 'home', value: '3' },
  ];
  const patient = { resourceType: 'Patient', telecom };
  const home = [[telecom[0], 'ContactPoint']];
  assert.equal(found("Patient.telecom.where(system='phone').where(use='home')", patient), home);
  assert.equal(found("Patient.telecom.where(system='phone' and use='home')", patient), home);
  assert.throws(() => found("Patient.telecom.where(system='phone' or use='home')", patient), /no condition this server knows/);
});

test('keeps of resources within a resource those of a type', () => {
  const entry = [{ resource: { resourceType: 'Patient', id: 'p' } }, { resource: { resourceType: 'MessageHeader', id: 'm' } }];
  assert.equal(found('Bundle.entry.resource.ofType(MessageHeader).id', { resourceType: 'Bundle', entry }), [['m', 'id']]);
  assert.equal(found('Bundle.entry[0].resource.ofType(MessageHeader).id', { resourceType: 'Bundle', entry }), []);
  const [path] = compilePath('Bundle.entry.resource.ofType(MessageHeader).id', 'Bundle', registry)[0]!.jsonPaths!();
  assert.is(path!.path, '$."entry"[*]."resource"[*] ? (@."resourceType" == "MessageHeader")."id"[*]');
});

test('finds what extends a primitive value, which lies beside it', () => {
  const extension = [{ url: 'u', valueString: 'x' }];
  const patient = {
    resourceType: 'Patient',
    birthDate: '1990',
    _birthDate: { extension },
    name: [{ given: ['A', 'B'], _given: [null, { extension }] }],
  };
  const path = (of: string): string => `Patient.${of}.extension.where(url='u').value`;
  assert.equal(found(path('birthDate'), patient), [['x', 'string']]);
  assert.equal(found(path('name.given'), patient), [['x', 'string']]);
  const observation = { resourceType: 'Observation', valueDateTime: '1990', _valueDateTime: { extension } };
  assert.equal(found("Observation.value.extension.where(url='u').value", observation), [['x', 'string']]);
  const [read] = compilePath(path('birthDate'), 'Patient', registry)[0]!.jsonPaths!();
  assert.match(read!.path, /^\$\."_birthDate"\[\*\]\."extension"/);
});

test('leaves out branches of other types', () => {
  const paths = compilePath('Patient.name.family | Practitioner.name.family', 'Practitioner', registry);
  assert.equal(
    paths.map(({ key }) => key),
    ['Practitioner.name.family'],
  );
});

test.run();
