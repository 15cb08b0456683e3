import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Candidate, newestOfEach, withoutPaging } from '../../../fhir/search/last-n.ts';

const of = (rid: number, at: number | null, codings: string, text: string | null = null): Candidate => ({ rid, at, codings, text });

test('of each code the newest are taken, the group with the newest first', () => {
  const all = [of(1, 10, 'a'), of(2, 30, 'a'), of(3, 20, 'a'), of(4, 40, 'b'), of(5, 5, 'b')];
  assert.equal(newestOfEach(all, 1), [4, 2]);
  assert.equal(newestOfEach(all, 2), [4, 5, 2, 3]);
  assert.equal(newestOfEach([], 2), []);
});

test('what shares a coding is one group, by way of others too', () => {
  assert.equal(newestOfEach([of(1, 1, 'a b'), of(2, 2, 'c d'), of(3, 3, 'e'), of(4, 4, 'b c')], 1), [4, 3]);
  assert.equal(newestOfEach([of(1, 1, 'a'), of(2, 2, 'b'), of(3, 3, 'c'), of(4, 4, 'c b'), of(5, 5, 'b a')], 9), [5, 4, 3, 2, 1]);
});

test('what has a text alone is grouped by it, and never with a coding', () => {
  assert.equal(newestOfEach([of(1, 1, '', 'x'), of(2, 2, '', 'x'), of(3, 3, '', 'y'), of(4, 4, 'x')], 1), [4, 3, 2]);
  assert.equal(newestOfEach([of(1, 1, ''), of(2, 2, '')], 1), [2]);
});

test('what has no date is the oldest, and of one moment the later one counts', () => {
  assert.equal(newestOfEach([of(1, null, 'a'), of(2, -5, 'a')], 1), [2]);
  assert.equal(newestOfEach([of(1, 7, 'a'), of(2, 7, 'a')], 1), [2]);
});

test('more than an answer has place for is refused', () => {
  const all = Array.from({ length: 2001 }, (_, i) => of(i, i, `c${i}`));
  assert.throws(() => newestOfEach(all, 1), /2001 Observations, and 2000 are the most/);
});

test('paging is refused, or left out with a warning', () => {
  assert.throws(() => withoutPaging('patient=1&_sort=date', false), /one page/);
  const { query, warnings } = withoutPaging('patient=Patient%2F1&_count=3&_summary=count', true);
  assert.equal([query, warnings.length], ['patient=Patient%2F1', 2]);
});

test.run();
