import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { elements, members } from '../../../fhir/json/text.ts';

for (const text of ['{"a":null}', '{"a":5}', '{"a":"x"}', '{"a":{}}', '{"a":true,"b":[1]}']) {
  test(`a value that is no array has no elements: ${text}`, () => {
    assert.equal(elements(text, 5), []);
  });
}

test('a value that is no object has no members', () => {
  for (const text of ['[{"a":1}]', '"a"', 'null', '']) assert.equal(members(text, 0), [], text);
});

test.run();
