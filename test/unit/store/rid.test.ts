import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CONTAINED_FROM, containedRid, RID_SPAN, ridOf } from '../../../fhir/store/rid.ts';

test('keys of contained resources are exact, above all others, and no two containers share one', () => {
  const last = ridOf(255, 2 ** 34 - 1);
  assert.ok(last < CONTAINED_FROM);
  const seen = new Set<number>();
  for (const n of [0, 1, 2, 2 ** 34 - 1])
    for (let place = 0; place < 1024; place++) {
      const rid = containedRid(200, { rid: ridOf(7, n), version: 3 }, place)!;
      assert.ok(Number.isSafeInteger(rid) && rid >= (256 + 200) * RID_SPAN && rid < (256 + 201) * RID_SPAN);
      seen.add(rid);
    }
  assert.is(seen.size, 4 * 1024);
});

test('a version has other keys than the one before it', () => {
  const keysOf = (version: number): number[] => [0, 1, 2].map((place) => containedRid(5, { rid: ridOf(7, 9), version }, place)!);
  const before = new Set(keysOf(2 ** 31 - 2));
  assert.ok(keysOf(2 ** 31 - 1).every((key) => Number.isSafeInteger(key) && !before.has(key)));
});

test('there is none for the 1025th, and none past 17 billion resources', () => {
  assert.is(containedRid(5, { rid: ridOf(7, 9), version: 1 }, 1024), undefined);
  assert.is(containedRid(5, { rid: ridOf(7, 2 ** 34), version: 1 }, 0), undefined);
});

test.run();
