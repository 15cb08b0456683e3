/** The examples of RFC 6902, appendix A, as the official FHIR test cases have them too, and our own. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { FhirError } from '../../../fhir/http/outcome.ts';
import { EditableJson } from '../../../fhir/json/editable.ts';
import { parseJsonPatch } from '../../../fhir/patch/json-patch.ts';

const limits = { registry: loadRegistry(), resourceBytes: 10_000, requireRead: () => undefined };

const patched = (document: unknown, patch: unknown): string => {
  const editable = new EditableJson(typeof document === 'string' ? document : JSON.stringify(document));
  parseJsonPatch(JSON.stringify(patch), limits)(editable);
  return editable.text;
};

const CASES: Readonly<Record<string, readonly [document: object, patch: readonly object[], expected: object]>> = {
  'A.1 adding an object member': [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { foo: 'bar', baz: 'qux' }],
  'A.2 adding an array element': [{ foo: ['bar', 'baz'] }, [{ op: 'add', path: '/foo/1', value: 'qux' }], { foo: ['bar', 'qux', 'baz'] }],
  'A.3 removing an object member': [{ baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
  'A.4 removing an array element': [{ foo: ['bar', 'qux', 'baz'] }, [{ op: 'remove', path: '/foo/1' }], { foo: ['bar', 'baz'] }],
  'A.5 replacing a value': [{ baz: 'qux', foo: 'bar' }, [{ op: 'replace', path: '/baz', value: 'boo' }], { baz: 'boo', foo: 'bar' }],
  'A.6 moving a value': [
    { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
    [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
    { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
  ],
  'A.7 moving an array element': [
    { foo: ['all', 'grass', 'cows', 'eat'] },
    [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
    { foo: ['all', 'cows', 'eat', 'grass'] },
  ],
  'A.8 testing a value': [
    { baz: 'qux', foo: ['a', 2, 'c'] },
    [
      { op: 'test', path: '/baz', value: 'qux' },
      { op: 'test', path: '/foo/1', value: 2 },
    ],
    { baz: 'qux', foo: ['a', 2, 'c'] },
  ],
  'A.10 adding a nested member object': [
    { foo: 'bar' },
    [{ op: 'add', path: '/child', value: { grandchild: {} } }],
    { foo: 'bar', child: { grandchild: {} } },
  ],
  'A.11 ignoring unrecognized members': [{ foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }], { foo: 'bar', baz: 'qux' }],
  'A.14 order of escapes': [{ '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
  'A.16 adding an array value': [
    { foo: ['bar'] },
    [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
    { foo: ['bar', ['abc', 'def']] },
  ],
  'what a removal leaves empty goes too, unless it is filled again': [
    { a: [1], b: [{ c: [{ d: 1 }] }], e: [1], f: { g: 1, h: 2 }, i: { j: 1 }, k: [] },
    [
      { op: 'remove', path: '/a/0' },
      { op: 'remove', path: '/b/0/c/0/d' },
      { op: 'remove', path: '/e/0' },
      { op: 'test', path: '/e', value: [] },
      { op: 'add', path: '/e/-', value: 2 },
      { op: 'remove', path: '/f/g' },
      { op: 'move', from: '/i/j', path: '/m' },
    ],
    { e: [2], f: { h: 2 }, k: [], m: 1 },
  ],
  'copying, and a test that looks at values only': [
    { a: { x: 1, y: [2] } },
    [
      { op: 'copy', from: '/a', path: '/b' },
      { op: 'test', path: '/b', value: { y: [2.0], x: 1 } },
    ],
    { a: { x: 1, y: [2] }, b: { x: 1, y: [2] } },
  ],
};

for (const [name, [document, patch, expected]] of Object.entries(CASES)) {
  test(name, () => assert.equal(JSON.parse(patched(document, patch)), expected));
}

const FAULTS: Readonly<Record<string, readonly [document: object, patch: unknown, status: number, says: RegExp]>> = {
  'A.9 a test that fails': [{ baz: 'qux' }, [{ op: 'test', path: '/baz', value: 'bar' }], 422, /patch\[0\]: the test of \/baz failed/],
  'A.12 adding to what is not there': [{ foo: 'bar' }, [{ op: 'add', path: '/baz/bat', value: 'qux' }], 422, /there is nothing at \/baz/],
  'A.15 a text that looks like the number': [{ '~1': 10 }, [{ op: 'test', path: '/~01', value: '10' }], 422, /test of \/~01 failed/],
  'removing what is not there': [{}, [{ op: 'remove', path: '/a' }], 422, /nothing at \/a/],
  'an index beyond the end': [{ a: [] }, [{ op: 'add', path: '/a/1', value: 1 }], 422, /\/a\/1 is no place in an array of 0/],
  'an index with a leading zero': [{ a: [1, 2] }, [{ op: 'remove', path: '/a/01' }], 422, /nothing at \/a\/01/],
  'moving into itself': [{ a: { b: 1 } }, [{ op: 'move', from: '/a', path: '/a/c' }], 422, /can't move into itself/],
  'the whole document': [{}, [{ op: 'replace', path: '', value: {} }], 422, /whole resource/],
  'an operation that there is none of': [{}, [{ op: 'increment', path: '/a' }], 400, /op is one of add/],
  'a pointer without its slash': [{}, [{ op: 'remove', path: 'a' }], 400, /JSON Pointer/],
  'a missing value': [{}, [{ op: 'add', path: '/a' }], 400, /add needs a value/],
  'no array': [{}, { op: 'add' }, 400, /array of operations/],
  'copies that would grow without end': [
    { a: ['x'.repeat(100)] },
    Array.from({ length: 20 }, () => ({ op: 'copy', from: '/a', path: '/a/-' })),
    413,
    /copies or compares more/,
  ],
};

for (const [name, [document, patch, status, says]] of Object.entries(FAULTS)) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => patched(document, patch),
      (error: unknown) => error instanceof FhirError && error.status === status && says.test(error.message),
    );
  });
}

test('resolves the addresses that it brings: a string, and the strings of an array', () => {
  const resolveAddress = (element: string, address: string): string | undefined =>
    element === 'uri' && address === 'urn:x' ? 'Type/1' : undefined;
  const editable = new EditableJson('{"uri":["a"],"text":["a"]}');
  const patch = [
    { op: 'add', path: '/uri/-', value: 'urn:x' },
    { op: 'add', path: '/more', value: 1.5 },
    { op: 'replace', path: '/text', value: ['urn:x'] },
  ];
  parseJsonPatch(JSON.stringify(patch), { ...limits, resolveAddress })(editable);
  assert.is(editable.text, '{"uri":["a","Type/1"],"text":["urn:x"],"more":1.5}');
  const whole = '[{"op":"replace","path":"/uri","value":["urn:x",{"reference":"urn:x"},"b",1.10]}]';
  parseJsonPatch(whole, { ...limits, resolveAddress })(editable);
  assert.is(editable.text, '{"uri":["Type/1",{"reference":"urn:x"},"b",1.10],"text":["urn:x"],"more":1.5}');
});

test('keeps to the byte what it does not touch', () => {
  const text = patched('{ "a": 1.10, "b": [ 2.50 , {"c":1e2} ], "d": "\\u00b5" }', [{ op: 'add', path: '/e', value: 1 }]);
  assert.is(text, '{"a":1.10,"b":[ 2.50 , {"c":1e2} ],"d":"\\u00b5","e":1}');
  const same = '{ "a": 1.10 }';
  assert.is(patched(same, [{ op: 'test', path: '/a', value: 1.1 }]), same);
});

test.run();
