import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createLoopGuard } from '../../../fhir/subscription/loop-guard.ts';
import { delayMs } from '../../../fhir/subscription/subscriber.ts';

test('sixty notifications of one resource in a minute are no loop, one more is', () => {
  let now = 0;
  const guard = createLoopGuard(() => now);
  const count = (key: string, times: number): number => Array.from({ length: times }, () => guard.isTooOften(key)).filter(Boolean).length;
  assert.is(count('a', 60), 0);
  assert.is(count('b', 60), 0);
  assert.is(count('a', 1), 1);
  now = 60_000;
  assert.is(count('a', 60), 0);
});

test('waits longer after each failure, a quarter of an hour at most', () => {
  assert.equal([0, 1, 2, 9, 10, 1000].map(delayMs), [1000, 2000, 4000, 512_000, 900_000, 900_000]);
});

test.run();
