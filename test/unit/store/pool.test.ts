import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { databaseAddress, numberArray, textArray } from '../../../fhir/store/pool.ts';

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

test('takes the folder of a Unix socket out of the address, and leaves another host', () => {
  assert.equal(databaseAddress('postgres://u:p@127.0.0.1:5433/d?host=/run/pg'), {
    address: 'postgres://u:p@127.0.0.1:5433/d',
    path: '/run/pg/.s.PGSQL.5433',
  });
  assert.is(databaseAddress('postgres://u:p@db.example.org/d').path, undefined);
});

test.run();
