import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { EditableJson } from '../../../fhir/json/editable.ts';
import { parseXmlPatch } from '../../../fhir/patch/xml-patch.ts';

const limits = { registry: loadRegistry(), resourceBytes: 1 << 20, requireRead: () => undefined };
const patched = (resource: object | string, operations: string): string => {
  const document = new EditableJson(typeof resource === 'string' ? resource : JSON.stringify(resource));
  parseXmlPatch(
    `<?xml version="1.0"?><diff xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml">${operations}</diff>`,
    limits,
  )(document);
  return document.text;
};
const patient = (more: object): object => ({ resourceType: 'Patient', ...more });

const CASES: Readonly<Record<string, readonly [before: object, operations: string, after: object]>> = {
  'no operation': [{ active: true }, '', { active: true }],
  'replaces a value': [{ active: true }, '<replace sel="/Patient/active/@value">false</replace>', { active: false }],
  'replaces an element': [
    { birthDate: '1920-01-01' },
    '<replace sel="Patient/birthDate"><birthDate value="1930"/></replace>',
    { birthDate: '1930' },
  ],
  'removes an element by its place': [
    { name: [{ family: 'A' }, { family: 'B', given: ['x', 'y'] }] },
    '<remove sel="Patient/name[2]/given[1]"/>',
    { name: [{ family: 'A' }, { family: 'B', given: ['y'] }] },
  ],
  'removes the last of a list': [
    { name: [{ family: 'A' }, { family: 'B' }] },
    '<remove sel="*/name[last()]" ws="both"/>',
    { name: [{ family: 'A' }] },
  ],
  'changes what a condition finds': [
    {
      telecom: [
        { system: 'phone', value: '1' },
        { system: 'email', value: '2' },
      ],
    },
    `<replace sel="Patient/telecom[system/@value='email']/value/@value">3</replace>`,
    {
      telecom: [
        { system: 'phone', value: '1' },
        { system: 'email', value: '3' },
      ],
    },
  ],
  'finds an extension by its url': [
    { extension: [{ url: 'urn:a', valueString: 'x' }] },
    '<replace sel=\'Patient/extension[@url="urn:a"]/valueString/@value\'>y</replace>',
    { extension: [{ url: 'urn:a', valueString: 'y' }] },
  ],
  'adds an element to the end': [
    { name: [{ family: 'A' }] },
    '<add sel="Patient"><name><family value="B"/></name></add>',
    { name: [{ family: 'A' }, { family: 'B' }] },
  ],
  'adds before and after': [
    { name: [{ family: 'B' }] },
    '<add sel="Patient/name" pos="before"><name><family value="A"/></name></add><add sel="Patient/name[2]" pos="after"><name><family value="C"/></name></add>',
    { name: [{ family: 'A' }, { family: 'B' }, { family: 'C' }] },
  ],
  'adds to the beginning': [
    { name: [{ given: ['b'] }] },
    '<add sel="Patient/name" pos="prepend"><given value="a"/></add>',
    { name: [{ given: ['a', 'b'] }] },
  ],
  'adds an attribute': [{ name: [{ family: 'A' }] }, '<add sel="Patient/name" type="@id">n1</add>', { name: [{ family: 'A', id: 'n1' }] }],
  'changes a narrative': [
    { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>a &amp; b</p></div>' } },
    '<replace sel="Patient/text/h:div/h:p"><h:p>c &lt; <h:b>d</h:b></h:p></replace>',
    { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>c &lt; <b>d</b></p></div>' } },
  ],
  'one operation after the other': [
    {},
    '<add sel="Patient"><contact><gender value="male"/></contact></add><replace sel="Patient/contact/gender/@value">female</replace>',
    { contact: [{ gender: 'female' }] },
  ],
};
for (const [name, [before, operations, after]] of Object.entries(CASES)) {
  test(name, () => assert.equal(JSON.parse(patched(patient(before), operations)), patient(after)));
}

test('keeps every byte of what it leaves alone', () => {
  const before = '{ "resourceType" : "Observation", "code":{"text" : "\\u00b5"},\n "valueQuantity":{"value":1.10}, "status":"final"}';
  const after = patched(before, '<replace sel="Observation/status/@value">amended</replace>');
  assert.is(after, '{"resourceType":"Observation","code":{"text" : "\\u00b5"},"valueQuantity":{"value":1.10},"status":"amended"}');
  assert.is(patched(before, ''), before);
});

const REFUSED: Readonly<Record<string, readonly [operations: string, status: number, says: RegExp]>> = {
  'what is none of the three': ['<move sel="Patient"/>', 400, /one of add, replace, remove/],
  'a sel that is no path': ['<remove sel="Patient["/>', 400, /diff\[0\]: sel="Patient\["/],
  'a sel that is not closed': ['<remove sel="Patient/name[1"/>', 400, /lacks a \]/],
  'a function': ['<remove sel="count(Patient)"/>', 400, /can't be read/],
  'a step up': ['<remove sel="Patient/../x"/>', 400, /lacks a name/],
  'an unknown prefix': ['<remove sel="q:Patient"/>', 400, /prefix q/],
  'a pos that is none': ['<add sel="Patient" pos="inside"/>', 400, /pos is one of/],
  'a sel to several': ['<remove sel="Patient/name"/>', 422, /leads to 2 elements/],
  'a sel to nothing': ['<remove sel="Patient/name[3]"/>', 422, /leads to nothing/],
  'the whole resource': ['<remove sel="Patient"/>', 422, /the whole resource/],
  'an element by two': ['<replace sel="Patient/name[1]"><name/><name/></replace>', 422, /by one element/],
  'an element that FHIR has not': ['<add sel="Patient"><shoe value="1"/></add>', 422, /patched resource is not valid.*shoe/],
  'a single element twice': ['<add sel="Patient"><gender value="male"/><gender value="male"/></add>', 422, /not valid/],
  'an attribute that is there': ['<add sel="Patient/name[1]/family" type="@value">x</add>', 422, /there already/],
  'a namespace as type': ['<add sel="Patient" type="namespace::x">urn:x</add>', 400, /type is @/],
  'a DOCTYPE': ['</diff><!DOCTYPE a>', 400, /not valid XML/],
};
for (const [name, [operations, status, says]] of Object.entries(REFUSED)) {
  test(`refuses ${name} with ${status}`, () => {
    try {
      patched(patient({ name: [{ family: 'A' }, { family: 'B' }] }), operations);
    } catch (error) {
      assert.is((error as { status: number }).status, status, (error as Error).message);
      assert.match((error as Error).message, says);
      return;
    }
    assert.unreachable();
  });
}

test('a patch that looks at too much is refused', () => {
  const name = Array.from({ length: 3000 }, (_, i) => ({ family: `f${i}` }));
  const operations = '<replace sel="Patient/name[family/@value=\'f1\']/family/@value">f1</replace>'.repeat(900);
  assert.throws(() => patched(patient({ name }), operations), /looks at too many elements/);
});

test.run();
