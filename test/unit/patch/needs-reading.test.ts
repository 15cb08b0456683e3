import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { parsePatch } from '../../../fhir/patch/parse-patch.ts';

const registry = loadRegistry();
/** The operations for which a patch asks whether its sender may read. */
const asked = (text: string, contentType: string): string[] => {
  const found: string[] = [];
  parsePatch(text, contentType, { registry, resourceBytes: 1 << 20, requireRead: (at) => void found.push(at) });
  return found;
};
const json = (...operations: object[]): string[] => asked(JSON.stringify(operations), 'application/json-patch+json');
const fhirPath = (type: string, path: string, ...parts: object[]): string[] =>
  asked(
    JSON.stringify({
      resourceType: 'Parameters',
      parameter: [{ name: 'operation', part: [{ name: 'type', valueCode: type }, { name: 'path', valueString: path }, ...parts] }],
    }),
    'application/fhir+json',
  );
const xml = (operation: string): string[] => asked(`<diff>${operation}</diff>`, 'application/xml-patch+xml');

test('a JSON Patch asks for test, copy and move, and for no other operation', () => {
  const found = json(
    { op: 'add', path: '/a', value: 1 },
    { op: 'test', path: '/a', value: 1 },
    { op: 'copy', from: '/a', path: '/b' },
    { op: 'replace', path: '/a', value: 1 },
    { op: 'move', from: '/a', path: '/b' },
    { op: 'remove', path: '/a' },
  );
  assert.equal(found, ['patch[1]', 'patch[2]', 'patch[4]']);
});

test('a FHIRPath Patch asks where its path has a condition, and for no place', () => {
  assert.equal(fhirPath('delete', "Patient.name.where(use = 'home').given[0]"), ['Parameters.parameter[0]']);
  assert.equal(fhirPath('delete', 'Patient.name.where(family.exists())'), ['Parameters.parameter[0]']);
  assert.equal(fhirPath('delete', 'Patient.name[1].given.last()'), []);
  assert.equal(fhirPath('delete', "Patient.extension('http://a.b').value.ofType(string)"), []);
});

test('an XML Patch asks where sel compares, and for no place', () => {
  assert.equal(xml(`<remove sel="Patient/name[use/@value='home']"/>`), ['diff[0]']);
  assert.equal(xml('<remove sel="Patient/name[2]/given[last()]"/>'), []);
});

test.run();
