import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drainTimes } from '../../../proto/process/drain.ts';
import { readEnv } from '../../../proto/process/env.ts';
import { createHealthState, decodeHealthRequest, NOT_SERVING, SERVICE_UNKNOWN, SERVING } from '../../../proto/process/health.ts';
import { healthOf } from '../../../proto/process/parts.ts';

test('readiness is all services together, liveness none of them', () => {
  const state = createHealthState(['a', 'b'], false);
  const all = (): number[] => ['liveness', 'readiness', '', 'a'].map((service) => state.get(service));
  assert.equal(all(), [SERVING, NOT_SERVING, NOT_SERVING, NOT_SERVING]);
  state.set('a', true);
  assert.equal(all(), [SERVING, NOT_SERVING, NOT_SERVING, SERVING]);
  state.set('b', true);
  assert.equal(all(), [SERVING, SERVING, SERVING, SERVING]);
  state.shutdown();
  assert.equal(all(), [SERVING, NOT_SERVING, NOT_SERVING, NOT_SERVING]);
  assert.is(state.get('c'), SERVICE_UNKNOWN);
});

test('a watcher hears of each change once', () => {
  const state = createHealthState(['a']);
  const heard: number[] = [];
  const stop = state.watch('readiness', (status) => heard.push(status));
  state.set('a', true);
  state.set('a', false);
  state.shutdown();
  stop();
  assert.equal(heard, [SERVING, NOT_SERVING]);
});

test('an empty request asks for the whole process', () => {
  assert.is(decodeHealthRequest(Buffer.alloc(0)), '');
  assert.is(decodeHealthRequest(Buffer.from('\n\x08liveness')), 'liveness');
});

test('a process is as well as the worst of its parts', () => {
  assert.is(healthOf({ a: { status: 'ok' } }).status, 'ok');
  assert.is(healthOf({ a: { status: 'degraded' }, b: { status: 'ok' } }).status, 'degraded');
  assert.is(healthOf({ a: { status: 'degraded' }, b: { status: 'unavailable' }, c: { status: 'ok' } }).status, 'unavailable');
});

test('the delay is a part of the drain', () => {
  assert.equal(drainTimes(readEnv({})), { delayMs: 0, deadlineMs: 8000 });
  assert.equal(drainTimes(readEnv({ DRAIN_DELAY_SECONDS: '5', DRAIN_SECONDS: '30' })), { delayMs: 5000, deadlineMs: 30_000 });
  assert.throws(() => drainTimes(readEnv({ DRAIN_DELAY_SECONDS: '9' })), /give more than DRAIN_DELAY_SECONDS=9/);
});

test.run();
