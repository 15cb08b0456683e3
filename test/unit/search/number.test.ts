import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseNumber } from '../../../fhir/search/parameter/number.ts';

const range = (text: string): readonly [number, number] | undefined => {
  const number = parseNumber(text);
  return number && [number.lo, number.hi];
};

test('a number is searched with the range that its digits leave open, as in the examples of the specification', () => {
  assert.equal(range('100'), [99.5, 100.5]);
  assert.equal(range('100.00'), [99.995, 100.005]);
  assert.equal(range('1e2'), [95, 105]);
  assert.equal(range('1.0e2'), [95, 105]);
  assert.equal(range('1.00e2'), [99.5, 100.5]);
  assert.equal(range('10e1'), [95, 105]);
  assert.equal(range('-1e2'), [-105, -95]);
  assert.equal(range('5'), [4.5, 5.5]);
  // No bound is beside the number that a resource would be written with.
  assert.equal(range('0.2'), [0.15, 0.25]);
  assert.equal(range('-0.7'), [-0.75, -0.65]);
  assert.equal(range('5.40e-3'), [0.005395, 0.005405]);
  assert.equal(range('+0'), [-0.5, 0.5]);
});

test('what is no number has no range', () => {
  for (const text of ['', 'five', '1e', '.5', '1.', '0x10', '1e9999', '١']) assert.is(range(text), undefined, text);
});

test.run();
