import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { conditionalFinder, resolveReferences } from '../../../fhir/interaction/references.ts';

const registry = loadRegistry();
const resolved = new Map([
  ['urn:uuid:1', 'Patient/a'],
  ['Patient?identifier=x', 'Patient/b'],
  ['urn:uuid:2', 'Patient/b'],
  ['Patient/b', 'Patient/b'],
]);
const versionOf = (target: string): number | undefined => (target === 'Patient/a' ? 1 : undefined);
const resolve = (text: string): string => resolveReferences(text, { registry, resolved, fullUrl: undefined, versionOf });

test('replaces addresses where elements hold them, and keeps every other byte', () => {
  const text = '{ "subject" : {"reference" : "urn:uuid:1"},"note":[{"text":"urn:uuid:1 \\"urn:uuid:1\\""}],"value":1.10}';
  assert.is(resolve(text), text.replace('"reference" : "urn:uuid:1"', '"reference" : "Patient/a"'));
  assert.is(resolve('{"reference":"Patient?identifier=x"}'), '{"reference":"Patient/b"}');
  assert.is(resolve('{"div":"<a href=\\"urn:uuid:1\\">x</a>"}'), '{"div":"<a href=\\"Patient/a\\">x</a>"}');
  assert.throws(() => resolve('{"reference":"urn:uuid:3"}'), /names no entry/);
  assert.equal([...conditionalFinder()('{"reference":"Patient?a=b","display":"Patient?c=d"}').keys()], ['Patient?a=b']);
});

test('replaces elements of type uri, url, oid and uuid, but none of type canonical', () => {
  for (const type of ['Uri', 'Url', 'Oid', 'Uuid']) assert.is(resolve(`{"value${type}":"urn:uuid:1"}`), `{"value${type}":"Patient/a"}`);
  assert.is(resolve('{"valueUri":"urn:uuid:1#part"}'), '{"valueUri":"Patient/a#part"}');
  for (const text of ['{"valueCanonical":"urn:uuid:1"}', '{"questionnaire":"urn:uuid:1|2"}', '{"profile":["urn:uuid:1"]}'])
    assert.is(resolve(text), text);
});

test('a reference to a version of an entry gets the version that it has here, where that is known', () => {
  assert.is(resolve('{"reference":"urn:uuid:1/_history/7"}'), '{"reference":"Patient/a/_history/1"}');
  assert.is(resolve('{"reference":"Patient/b/_history/7"}'), '{"reference":"Patient/b/_history/7"}');
  assert.throws(() => resolve('{"reference":"urn:uuid:2/_history/7"}'), /leave the version out/);
});

test('an attachment may be long, and a narrative full of escapes', () => {
  const text = `{"data":"${'A'.repeat(20 << 20)}","div":"${'\\n'.repeat(5 << 20)}","reference":"Patient/1?"}`;
  assert.is(resolve(text).length, text.length);
  assert.is(conditionalFinder()(text).size, 0);
});

test.run();
