import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eachOf, inOrder } from '../../fhir/in-order.ts';

test('results come in the order of their items, with so many worked on ahead and no more', async () => {
  let running = 0;
  let most = 0;
  const work = async (item: number): Promise<number> => {
    most = Math.max(most, ++running);
    await sleep((7 * item) % 5);
    running--;
    return item * 2;
  };
  const items = Array.from({ length: 40 }, (_, i) => i);
  assert.equal(
    await Array.fromAsync(inOrder(items, 4, work)),
    items.map((item) => item * 2),
  );
  assert.is(most, 4);
});

test('a failure is thrown at the turn of its item, after what came before it', async () => {
  const seen: number[] = [];
  let message = '';
  try {
    for await (const item of inOrder([1, 2, 3, 4], 3, (n) => (n === 3 ? Promise.reject(new Error('third')) : sleep(5, n)))) seen.push(item);
  } catch (error) {
    ({ message } = error as Error);
  }
  assert.equal([seen, message], [[1, 2], 'third']);
});

test('a failure of one is told when no other is being worked on any more', async () => {
  let running = 0;
  const work = async (item: number): Promise<void> => {
    running++;
    await sleep(item === 0 ? 1 : 20);
    running--;
    if (item === 0) throw new Error('first');
  };
  const error = await eachOf([0, 1, 2], 3, work).catch((failure: Error) => failure);
  assert.is((error as Error).message, 'first');
  assert.is(running, 0);
});

test.run();
