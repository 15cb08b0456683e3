import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { indented } from '../../../fhir/presentation/indented.ts';

test('indents without touching a number or a string', () => {
  const text = '{"a":1.10,"b":[ 1e3 ,-0.0,true ,null],"c":{ },"d":[\n],"e":"x, {y}: \\"[z]\\" \\u00b5","f":{"g":[{"h":""}]}} ';
  assert.is(
    indented(text),
    `{
  "a": 1.10,
  "b": [
    1e3,
    -0.0,
    true,
    null
  ],
  "c": {},
  "d": [],
  "e": "x, {y}: \\"[z]\\" \\u00b5",
  "f": {
    "g": [
      {
        "h": ""
      }
    ]
  }
}`,
  );
});

test('agrees with JSON.stringify where that loses nothing', () => {
  const value = { resourceType: 'Patient', name: [{ given: ['A', 'B'], family: 'C' }], active: true, n: 12, none: null, list: [[], [[1]]] };
  assert.is(indented(JSON.stringify(value)), JSON.stringify(value, null, 2));
  assert.is(indented(JSON.stringify(value, null, 7)), JSON.stringify(value, null, 2));
});

test.run();
