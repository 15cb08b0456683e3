import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { numberArray, textArray } from '../../../fhir/store/pool.ts';

test('writes numbers as a Postgres array literal', () => {
  assert.is(numberArray([1, -2, 2 ** 52]), '{1,-2,4503599627370496}');
  assert.is(numberArray([]), '{}');
});

test('quotes texts so that nothing in them ends the literal', () => {
  assert.is(textArray(['a"b', 'c\\d', '},{', null, '']), '{"a\\"b","c\\\\d","},{",null,""}');
});

test('drops U+0000, which Postgres cannot hold', () => {
  assert.is(textArray(['a\0b']), '{"ab"}');
});

test.run();
