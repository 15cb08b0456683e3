import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { conditionalReferences, resolveReferences } from '../../../fhir/interaction/references.ts';

const registry = loadRegistry();
const resolved = new Map([
  ['urn:uuid:1', 'Patient/a'],
  ['Patient?identifier=x', 'Patient/b'],
]);
const resolve = (text: string): string => resolveReferences(text, { registry, resolved, fullUrl: undefined });

test('replaces addresses where elements hold them, and keeps every other byte', () => {
  const text = '{ "subject" : {"reference" : "urn:uuid:1"},"note":[{"text":"urn:uuid:1 \\"urn:uuid:1\\""}],"value":1.10}';
  assert.is(resolve(text), text.replace('"reference" : "urn:uuid:1"', '"reference" : "Patient/a"'));
  assert.is(resolve('{"reference":"Patient?identifier=x"}'), '{"reference":"Patient/b"}');
  assert.is(resolve('{"div":"<a href=\\"urn:uuid:1\\">x</a>"}'), '{"div":"<a href=\\"Patient/a\\">x</a>"}');
  assert.throws(() => resolve('{"reference":"urn:uuid:2"}'), /names no entry/);
  assert.equal([...conditionalReferences('{"reference":"Patient?a=b","display":"Patient?c=d"}').keys()], ['Patient?a=b']);
});

test('an attachment may be long, and a narrative full of escapes', () => {
  const text = `{"data":"${'A'.repeat(20 << 20)}","div":"${'\\n'.repeat(5 << 20)}","reference":"Patient/1?"}`;
  assert.is(resolve(text).length, text.length);
  assert.is(conditionalReferences(text).size, 0);
});

test.run();
