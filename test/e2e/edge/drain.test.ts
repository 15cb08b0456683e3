import { connect } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Edge, http1Load, http2Load, prepareLoad, startEdge } from '../../support/edge.ts';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let other: Edge;
test.before(async () => {
  stack = await startStack();
  await prepareLoad(stack);
  other = await startEdge(stack, 'other');
});
test.after(async () => {
  await other.stop();
  await stack.stop();
});

const LIMITS = { DRAIN_DELAY_SECONDS: '2', DRAIN_IDLE_SECONDS: '4', DRAIN_TIME_SECONDS: '20' };

test('an Envoy that is drained and then stopped under load fails no request of clients that keep their connections', async () => {
  const leaving = await startEdge(stack, 'leaving', LIMITS);
  let port = leaving.port;
  const options = { stack, port: () => port, clients: 8 };
  const loads = [http1Load(options), http2Load(options)];
  try {
    await sleep(1500);
    const before = loads.map(({ answered }) => answered().get(200) ?? 0);
    const draining = fetch(`${leaving.drain}/drain`, { method: 'POST' });
    // Who has the old address still comes.
    await sleep(1500);
    assert.ok(loads.every(({ answered }, i) => answered().get(200)! > before[i]!));
    assert.is((await fetch(`${leaving.operations}/ready`)).status, 503);
    assert.is((await fetch(`${leaving.operations}/live`)).status, 200);
    port = other.port;
    const answer = await draining;
    const { why } = (await answer.json()) as { why: string };
    assert.is(why, 'empty');
    leaving.envoy.kill('SIGTERM');
    assert.equal(await leaving.envoy.exited, { code: 0, signal: null });
    assert.equal(await leaving.sidecar.stop(), { code: 0, signal: null });
    await sleep(500);
  } finally {
    await Promise.all(loads.map((load) => load.stop()));
    await leaving.stop();
  }
  for (const load of loads) {
    assert.equal(load.failures, []);
    assert.equal([...load.answered().keys()], [200]);
    assert.ok(load.ended() >= 8, `${load.ended()} connections were ended`);
  }
});

test('a request in flight keeps Envoy, a connection without one only for a while', async () => {
  const leaving = await startEdge(stack, 'leaving-idle', LIMITS);
  const idle = connect(`https://127.0.0.1:${leaving.port}`, { servername: 'localhost', ...stack.tls('ehr-demo') });
  idle.on('error', () => undefined);
  const ask = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const stream = idle.request({
        ':path': '/fhir/Basic',
        ':method': 'POST',
        ':authority': 'localhost',
        'content-type': 'application/fhir+json',
      });
      stream.on('response', (headers) => resolve(headers[':status']!));
      stream.on('error', reject);
      stream.resume();
      stream.write('{"resourceType":"Basic",');
      // A slow sender: the drain has begun, and its time for idle connections is over, before the body is whole.
      setTimeout(() => stream.end('"code":{"text":"slow"}}'), 6000);
    });
  const slow = ask();
  await sleep(300);
  const startedAt = performance.now();
  const { why } = (await (await fetch(`${leaving.drain}/drain`)).json()) as { why: string };
  assert.is(await slow, 201);
  assert.ok(['idle', 'empty'].includes(why), why);
  assert.ok(performance.now() - startedAt > 5500);
  idle.destroy();
  await leaving.stop();
});

test('a drain of an Envoy that is not there answers at once, so that its container can end', async () => {
  const gone = await startEdge(stack, 'gone', LIMITS);
  gone.envoy.kill('SIGKILL');
  await gone.envoy.exited;
  const answer = await fetch(`${gone.drain}/drain`);
  assert.equal([answer.status, await answer.json()], [200, { drained: false }]);
  await gone.stop();
});

test.run();
