import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { FhirError } from '../../../fhir/http/outcome.ts';
import { createShares, type Share, type Shares } from '../../../fhir/http/shares.ts';

const LIMITS = { requests: 12, working: { quick: 2, slow: 2 }, answers: 1000 };

/** As many requests of a client as are worked on, one after the other, before one is refused. */
const asMany = async (shares: Shares, client: string, answer = 0): Promise<Share[]> => {
  const all: Share[] = [];
  for (;;) {
    let share: Share | undefined;
    try {
      share = shares.enter(client);
      await share.turn('slow', 1);
      share.answered(answer);
      all.push(share);
    } catch (error) {
      const { status, headers } = error as FhirError;
      assert.equal([status, headers['retry-after']], [429, '1']);
      share?.answered(0);
      share?.close();
      return all;
    }
  }
};
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const [what, limits, answer] of [
  ['requests that are not answered', { requests: 12, answers: 1 }, 0],
  ['answers that are not taken', { requests: 1000, answers: 1200 }, 100],
] as const)
  test(`a client may have half of the room with ${what}, the next half of the rest, and who has nothing always comes in`, async () => {
    const shares = createShares({ ...LIMITS, ...limits });
    const first = await asMany(shares, 'a', answer);
    assert.is(first.length, 6);
    assert.is((await asMany(shares, 'b', answer)).length, 3);
    assert.is((await asMany(shares, 'c', answer)).length, 2);
    for (const client of ['d', 'e', 'f']) assert.is((await asMany(shares, client, answer)).length, 1);
    for (const share of first) share.close();
    assert.is((await asMany(shares, 'a', answer)).length, 2);
  });

test('of one client so many are worked on at once, the others in order; of another one as many', async () => {
  const shares = createShares(LIMITS);
  const working: string[] = [];
  const enter = (name: string): Share => {
    const share = shares.enter(name[0]!);
    void share.turn('slow', 1).then(() => working.push(name));
    return share;
  };
  const [a1, a2] = ['a1', 'a2', 'a3', 'a4', 'b1'].map(enter);
  await soon();
  assert.equal(working, ['a1', 'a2', 'b1']);
  a2!.answered(0);
  a2!.answered(10);
  a2!.close();
  await soon();
  assert.equal(working, ['a1', 'a2', 'b1', 'a3']);
  a1!.close();
  a1!.answered(10);
  await soon();
  assert.equal(working, ['a1', 'a2', 'b1', 'a3', 'a4']);
});

test('who takes several places waits for all of them, and nobody overtakes', async () => {
  const shares = createShares(LIMITS);
  const working: string[] = [];
  const enter = (name: string, places: number): Share => {
    const share = shares.enter('a');
    void share.turn('slow', places).then(() => working.push(name));
    return share;
  };
  const first = enter('first', 1);
  const large = enter('large', 2);
  enter('last', 1);
  await soon();
  assert.equal(working, ['first']);
  first.answered(0);
  await soon();
  assert.equal(working, ['first', 'large']);
  large.answered(0);
  await soon();
  assert.equal(working, ['first', 'large', 'last']);
});

test('what is quick waits for nothing that is slow', async () => {
  const shares = createShares(LIMITS);
  for (let i = 0; i < 4; i++) void shares.enter('a').turn('slow', 2);
  await shares.enter('a').turn('quick', 1);
});

test('what has ended is counted no more, however often its end is told', async () => {
  const shares = createShares(LIMITS);
  for (let i = 0; i < 100; i++) {
    const share = shares.enter('a');
    share.answered(1000);
    share.close();
    share.close();
    share.answered(1000);
  }
  assert.is((await asMany(shares, 'a')).length, 6);
});

test.run();
