/** Cases with a number are those of the official test suite, by their names. Source: FHIR/fhir-test-cases, r4/patch/fhir-patch-tests.xml */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { EditableJson } from '../../../fhir/json/editable.ts';
import { parseFhirPathPatch } from '../../../fhir/patch/fhirpath-patch.ts';

const limits = { registry: loadRegistry(), resourceBytes: 1 << 20, requireRead: () => undefined };

type Part = Readonly<Record<string, unknown>>;
const operation = (type: string, path: string, ...parts: readonly Part[]): object => ({
  name: 'operation',
  part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...parts],
});
const add = (path: string, name: string, value: Part): object =>
  operation('add', path, { name: 'name', valueString: name }, { name: 'value', ...value });
const insert = (path: string, index: number, value: Part): object =>
  operation('insert', path, { name: 'index', valueInteger: index }, { name: 'value', ...value });
const replace = (path: string, value: Part): object => operation('replace', path, { name: 'value', ...value });
const remove = (path: string): object => operation('delete', path);
const move = (path: string, source: number, destination: number): object =>
  operation('move', path, { name: 'source', valueInteger: source }, { name: 'destination', valueInteger: destination });

const patched = (resource: string | object, operations: readonly object[]): string => {
  const document = new EditableJson(typeof resource === 'string' ? resource : JSON.stringify(resource));
  parseFhirPathPatch(JSON.stringify({ resourceType: 'Parameters', parameter: operations }), limits)(document);
  return document.text;
};

const identifiers = (...numbers: readonly number[]): object => ({
  identifier: numbers.map((n) => ({ system: 'http://example.org', value: `value ${n}` })),
});
const identifier3 = { valueIdentifier: { system: 'http://example.org', value: 'value 3' } };
const born = { birthDate: '1920-01-01' };
const contact = (content: object): object => ({ contact: [content] });
const named = { name: { text: 'a name' } };
const family = { family: 'x', _family: { extension: [{ url: 'urn:x', valueString: 'WW' }] } };

const CASES: Readonly<Record<string, readonly [before: object, operations: readonly object[], after: object]>> = {
  'no difference': [born, [], born],
  'replace primitive': [born, [replace('Patient.birthDate', { valueDate: '1930-01-01' })], { birthDate: '1930-01-01' }],
  'delete primitive': [born, [remove('Patient.birthDate')], {}],
  'a choice by the operator as': [
    { deceasedDateTime: '2020', extension: [{ url: 'urn:x', valuePeriod: { start: '2020' } }] },
    [
      replace('(Patient.deceased as dateTime)', { valueDateTime: '2021' }),
      replace("((Patient.extension('urn:x').value) as Period).start", { valueDateTime: '2021' }),
    ],
    { deceasedDateTime: '2021', extension: [{ url: 'urn:x', valuePeriod: { start: '2021' } }] },
  ],
  'add primitive': [{}, [add('Patient', 'birthDate', { valueDate: '1930-01-01' })], { birthDate: '1930-01-01' }],
  'full resource': [
    {
      id: 'example',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Peter <b>Chalmers</b> &amp; \n</div>' },
      name: [{ use: 'official', family: 'Chalmers', given: ['Peter', 'James'] }, { given: ['Jim'] }],
      birthDate: '1974-12-25',
      _birthDate: { extension: [{ url: 'urn:time', valueDateTime: '1974-12-25T14:35:45-05:00' }] },
    },
    [
      replace('Patient.text.div', { valueString: '<div xmlns="http://www.w3.org/1999/xhtml">Peter <b>Chalmers1</b> &amp; \n</div>' }),
      replace('Patient.name[0].family', { valueString: 'Chalmers1' }),
    ],
    {
      id: 'example',
      text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Peter <b>Chalmers1</b> &amp; \n</div>' },
      name: [{ use: 'official', family: 'Chalmers1', given: ['Peter', 'James'] }, { given: ['Jim'] }],
      birthDate: '1974-12-25',
      _birthDate: { extension: [{ url: 'urn:time', valueDateTime: '1974-12-25T14:35:45-05:00' }] },
    },
  ],
  'replace nested primitive 1': [
    contact({ ...named, gender: 'male' }),
    [replace('Patient.contact[0].gender', { valueCode: 'female' })],
    contact({ ...named, gender: 'female' }),
  ],
  'replace nested primitive 2': [
    contact({ ...named, gender: 'male' }),
    [replace('Patient.contact[0].name.text', { valueString: 'the name' })],
    contact({ name: { text: 'the name' }, gender: 'male' }),
  ],
  'delete nested primitive 1': [contact({ ...named, gender: 'male' }), [remove('Patient.contact[0].gender')], contact(named)],
  'delete nested primitive 2, and what is empty then': [
    contact({ ...named, gender: 'male' }),
    [remove('Patient.contact[0].name.text')],
    contact({ gender: 'male' }),
  ],
  'add nested primitive': [
    contact(named),
    [add('Patient.contact[0]', 'gender', { valueCode: 'male' })],
    contact({ ...named, gender: 'male' }),
  ],
  'add complex': [
    {},
    [add('Patient', 'maritalStatus', { valueCodeableConcept: { text: 'married' } })],
    { maritalStatus: { text: 'married' } },
  ],
  'replace complex, with its id': [
    { maritalStatus: { id: '1', text: 'married' } },
    [replace('Patient.maritalStatus', { valueCodeableConcept: { id: '2', text: 'not married' } })],
    { maritalStatus: { id: '2', text: 'not married' } },
  ],
  'delete complex': [{ maritalStatus: { text: 'married' } }, [remove('Patient.maritalStatus')], {}],
  'add anonymous type': [{}, [add('Patient', 'contact', { part: [{ name: 'name', valueHumanName: { text: 'a name' } }] })], contact(named)],
  'delete anonymous type': [contact(named), [remove('Patient.contact[0]')], {}],
  'list unchanged': [identifiers(1, 2), [], identifiers(1, 2)],
  'list unchanged, contents changed': [
    identifiers(1, 2),
    [
      replace('Patient.identifier[0].value', { valueString: 'value 2' }),
      replace('Patient.identifier[1].value', { valueString: 'value 1' }),
    ],
    identifiers(2, 1),
  ],
  'add to list': [identifiers(1, 2), [add('Patient', 'identifier', identifier3)], identifiers(1, 2, 3)],
  'insert in list 1': [identifiers(1, 2), [insert('Patient.identifier', 1, identifier3)], identifiers(1, 3, 2)],
  'insert in list 2': [identifiers(1, 2), [insert('Patient.identifier', 0, identifier3)], identifiers(3, 1, 2)],
  'delete from list 1': [identifiers(1, 2, 3), [remove('Patient.identifier[0]')], identifiers(2, 3)],
  'delete from list 2': [identifiers(1, 2, 3), [remove('Patient.identifier[1]')], identifiers(1, 3)],
  'delete from list 3': [identifiers(1, 2, 3), [remove('Patient.identifier[2]')], identifiers(1, 2)],
  'reorder list 1': [identifiers(1, 2, 3, 4), [move('Patient.identifier', 3, 1)], identifiers(1, 4, 2, 3)],
  'reorder list 2': [identifiers(1, 2, 3, 4), [move('Patient.identifier', 3, 0)], identifiers(4, 1, 2, 3)],
  'reorder list 3': [identifiers(1, 2, 3, 4), [move('Patient.identifier', 3, 2)], identifiers(1, 2, 4, 3)],
  'reorder list 4': [identifiers(1, 2, 3, 4), [move('Patient.identifier', 0, 3)], identifiers(2, 3, 4, 1)],
  'reorder list 5': [
    identifiers(1, 2, 3, 4),
    [move('Patient.identifier', 1, 0), move('Patient.identifier', 2, 1)],
    identifiers(2, 3, 1, 4),
  ],
  'reorder list 6': [
    identifiers(1, 2, 3, 4),
    [move('Patient.identifier', 3, 0), move('Patient.identifier', 3, 1), move('Patient.identifier', 3, 2)],
    identifiers(4, 3, 2, 1),
  ],
  'operation on missing element 2': [{}, [add('Patient', 'identifier', identifier3)], identifiers(3)],
  'consecutive operations': [
    contact({ name: family }),
    [
      add('Patient.contact[0]', 'gender', { valueCode: 'male' }),
      add('Patient', 'contact', { part: [{ name: 'gender', valueCode: 'male' }] }),
    ],
    { contact: [{ name: family, gender: 'male' }, { gender: 'male' }] },
  ],
  // From here on our own.
  'delete of what is not there': [born, [remove('Patient.gender')], born],
  'the one that where() finds': [
    {
      identifier: [
        { use: 'old', value: '1' },
        { use: 'official', value: '2' },
      ],
    },
    [replace("Patient.identifier.where(use = 'official' and value.exists()).value", { valueString: '3' })],
    {
      identifier: [
        { use: 'old', value: '1' },
        { use: 'official', value: '3' },
      ],
    },
  ],
  'where() with or, not and a nested path': [
    { contact: [{ name: { family: 'A' } }, { name: { family: 'B' } }] },
    [remove("Patient.contact.where((name.family = 'A' or name.family = 'C').not())")],
    contact({ name: { family: 'A' } }),
  ],
  'last() of a list of primitives keeps extensions in step': [
    { name: [{ given: ['A', 'B'], _given: [null, { id: 'b' }] }] },
    [add('Patient.name[0]', 'given', { valueString: 'C' }), remove('Patient.name.first().given[0]')],
    { name: [{ given: ['B', 'C'], _given: [{ id: 'b' }, null] }] },
  ],
  'an extension on a primitive': [
    born,
    [add('Patient.birthDate', 'extension', { valueExtension: { url: 'urn:x', valueCode: 'y' } })],
    { ...born, _birthDate: { extension: [{ url: 'urn:x', valueCode: 'y' }] } },
  ],
  'the last extension of a primitive': [
    { ...born, _birthDate: { extension: [{ url: 'urn:x', valueCode: 'y' }] } },
    [remove("Patient.birthDate.extension('urn:x')")],
    born,
  ],
  'a choice gets another type': [
    { deceasedBoolean: false },
    [replace('Patient.deceased', { valueDateTime: '2020-01-01' })],
    { deceasedDateTime: '2020-01-01' },
  ],
  'a choice is added by its type': [{}, [add('Patient', 'deceased', { valueBoolean: true })], { deceasedBoolean: true }],
};

for (const [name, [before, operations, after]] of Object.entries(CASES)) {
  test(name, () => {
    const result = patched({ resourceType: 'Patient', ...before }, operations);
    assert.equal(JSON.parse(result), { resourceType: 'Patient', ...after });
  });
}

const FAULTS: Readonly<Record<string, readonly [before: object, operations: readonly object[], says: RegExp]>> = {
  'operation on missing element': [
    { identifier: [{ use: 'official', value: '123' }] },
    [add("Patient.identifier.where(use = 'official').period", 'end', { valueDate: '2021-12-01' })],
    /parameter\[0\].*leads to nothing/,
  ],
  'an element that the type has not': [{}, [add('Patient', 'nmae', { valueString: 'x' })], /Patient has no element nmae/],
  'a path of another type': [{}, [remove('Observation.code')], /begins with Observation, but the resource is a Patient/],
  'more than one to delete': [identifiers(1, 2), [remove('Patient.identifier')], /2 elements: it must lead to one/],
  'add of what is there': [born, [add('Patient', 'birthDate', { valueDate: '1930-01-01' })], /is there already: use replace/],
  'insert beyond the end': [identifiers(1), [insert('Patient.identifier', 2, identifier3)], /no number from 0 to 1/],
  'move from beyond the end': [identifiers(1, 2), [move('Patient.identifier', 2, 0)], /source is no number from 0 to 1/],
  'a type that the choice has not': [
    {},
    [add('Patient', 'deceased', { valueString: 'x' })],
    /deceased can't be a string.*boolean, dateTime/,
  ],
  'a function that leads elsewhere': [{}, [remove("Patient.name.where(given.matches('(a+)+$'))")], /calls matches\(\)|lacks/],
  'an operation without a type': [{}, [{ name: 'operation', part: [] }], /its type is one of/],
  'an operation without its value': [{}, [operation('replace', 'Patient.birthDate')], /replace needs the part value/],
};

for (const [name, [before, operations, says]] of Object.entries(FAULTS)) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => patched({ resourceType: 'Patient', ...before }, operations),
      (error: Error) => says.test(error.message),
    );
  });
}

test('keeps to the byte what it does not touch, and what it puts in', () => {
  const before =
    '{ "resourceType":"Observation", "valueQuantity":{ "value":1.10,\n "unit":"\\u00b5g" },"component":[{"valueQuantity":{"value":2.50}}] }';
  const document = new EditableJson(before);
  const text = `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},
    {"name":"path","valueString":"Observation.component[0].value.value"},{"name":"value","valueDecimal":3.000}]}]}`;
  parseFhirPathPatch(text, limits)(document);
  assert.ok(document.text.includes('"valueQuantity":{ "value":1.10,\n "unit":"\\u00b5g" }'), document.text);
  assert.ok(document.text.includes('"value":3.000'), document.text);
  const nothing = new EditableJson(before);
  parseFhirPathPatch('{"resourceType":"Parameters"}', limits)(nothing);
  assert.is(nothing.text, before);
});

test.run();
