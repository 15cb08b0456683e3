import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createGather, type GatherOptions } from '../../../fhir/store/gather.ts';

/** Flushes that end when they are told to. */
const held = (options: Partial<GatherOptions<number, number>> = {}) => {
  const flushes: { items: readonly number[]; end: (error?: Error) => void }[] = [];
  const gather = createGather<number, number>({
    flush: (items) =>
      new Promise((resolve, reject) => {
        flushes.push({ items, end: (error) => (error === undefined ? resolve(items.map((item) => item * 10)) : reject(error)) });
      }),
    lanes: 1,
    maxBatch: 3,
    maxQueue: 5,
    tooMany: () => new Error('too many'),
    ...options,
  });
  return { gather, flushes, submitted: (...items: number[]) => items.map((item) => gather.submit(item)) };
};

test('flushes what comes in one turn together, and what comes meanwhile next, each answered in its place', async () => {
  const { flushes, submitted } = held();
  const first = submitted(1, 2);
  await nextTurn();
  const next = submitted(3, 4, 5, 6);
  await nextTurn();
  assert.equal(
    flushes.map(({ items }) => items),
    [[1, 2]],
  );
  flushes[0]!.end();
  assert.equal(await Promise.all(first), [10, 20]);
  await nextTurn();
  assert.equal(flushes[1]!.items, [3, 4, 5]);
  flushes[1]!.end();
  await Promise.all(next.slice(0, 3));
  flushes[2]!.end();
  assert.equal(await Promise.all(next), [30, 40, 50, 60]);
});

test('a flush that fails fails for all in it, and for nobody else', async () => {
  const { flushes, submitted } = held();
  const [a, b, c, d] = submitted(1, 2, 3, 4);
  await nextTurn();
  flushes[0]!.end(new Error('gone'));
  const settled = await Promise.allSettled([a, b, c]);
  assert.ok(settled.every(({ status }) => status === 'rejected'));
  await nextTurn();
  flushes[1]!.end();
  assert.is(await d, 40);
});

test('where a crowd is asked for, one flush begins beside another once so many wait', async () => {
  const { flushes, submitted } = held({ lanes: 2, crowd: 2 });
  const waiting = submitted(1);
  await nextTurn();
  waiting.push(...submitted(2));
  await nextTurn();
  assert.is(flushes.length, 1);
  waiting.push(...submitted(3), ...submitted(4, 5));
  await nextTurn();
  assert.equal(
    flushes.map(({ items }) => items),
    [[1], [2, 3, 4]],
  );
  flushes[1]!.end();
  await nextTurn();
  assert.is(flushes.length, 2, 'one alone waits for the first');
  flushes[0]!.end();
  await nextTurn();
  flushes[2]!.end();
  assert.equal(await Promise.all(waiting), [10, 20, 30, 40, 50]);
});

test('refuses at once who finds the queue full', async () => {
  const { flushes, submitted } = held();
  const all = submitted(1, 2, 3, 4, 5, 6);
  let said = '';
  await all[5]!.catch((error: Error) => (said = error.message));
  assert.is(said, 'too many');
  await nextTurn();
  flushes[0]!.end();
  await nextTurn();
  flushes[1]!.end();
  assert.is((await Promise.all(all.slice(0, 5))).length, 5);
});

test('is drained when nothing waits and nothing is in flight', async () => {
  const { gather, flushes, submitted } = held();
  let drained = false;
  submitted(1);
  const drain = gather.drain().then(() => (drained = true));
  await nextTurn();
  assert.not(drained);
  flushes[0]!.end();
  await drain;
});

test.run();
