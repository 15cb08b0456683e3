import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { activityOf } from '../../../envoy/admin.ts';
import { drained } from '../../../envoy/drained.ts';

const LIMITS = { delayMs: 5000, idleMs: 15_000, limitMs: 30_000 };
const state = { elapsedMs: 6000, quietMs: 6000, connections: 0, requests: 0 };

test('nothing ends before the delay, even without a connection', () => {
  assert.is(drained({ ...state, elapsedMs: 4999 }, LIMITS), undefined);
  assert.is(drained({ ...state, elapsedMs: 5000 }, LIMITS), 'empty');
});

test('connections are waited for until they are idle for a while, requests until the limit', () => {
  const open = { ...state, connections: 3 };
  assert.is(drained({ ...open, elapsedMs: 14_000 }, LIMITS), undefined);
  assert.is(drained({ ...open, elapsedMs: 16_000, quietMs: 200 }, LIMITS), undefined);
  assert.is(drained({ ...open, elapsedMs: 16_000, quietMs: 1000 }, LIMITS), 'idle');
  assert.is(drained({ ...open, elapsedMs: 29_000, quietMs: 0, requests: 1 }, LIMITS), undefined);
  assert.is(drained({ ...open, elapsedMs: 30_000, quietMs: 0, requests: 1 }, LIMITS), 'limit');
});

test('no statistics are not taken for no connections', () => {
  assert.equal(activityOf('http.edge.downstream_cx_active: 12\nhttp.edge.downstream_rq_active: 3\n'), { connections: 12, requests: 3 });
  assert.throws(() => activityOf('http.operations.downstream_cx_active: 1\n'), /no statistic/);
});

test.run();
