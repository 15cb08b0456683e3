import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GUARD_HEADERS } from '../../../proto/access/guard-headers.ts';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const isGuarded = ({ status, headers, json, text }: Answer, expected: number): void => {
  assert.is(status, expected, text);
  assert.is(json.resourceType, 'OperationOutcome');
  for (const [name, value] of Object.entries(GUARD_HEADERS)) assert.is(headers[name], value, `${name} of ${status}`);
};

test('a refusal of the gateway has the headers that guard an answer of the server', async () => {
  isGuarded(await stack.request('/Patient', { client: 'reader-demo', body: { resourceType: 'Patient' } }), 403);
  isGuarded(await stack.request('/Patient/nobody'), 404);
});

test('so has a refusal of Envoy itself', async () => {
  isGuarded(await stack.request('/Patient', { headers: { x_underscore: 'a' } }), 400);
  isGuarded(await stack.request('/Patient/a%2Fb'), 400);
});

test('the id that a client gave its request comes back beside the one that the trail names', async () => {
  const headers = { 'x-request-id': 'mine-1' };
  for (const [path, status] of [
    ['/metadata', 200],
    ['/Patient/nobody', 404],
    ['/nothing', 404],
  ] as const) {
    const answer = await stack.request(path, { headers });
    assert.is(answer.status, status);
    assert.is(answer.headers['x-correlation-id'], 'mine-1', path);
    assert.match(String(answer.headers['x-request-id']), /^[0-9a-f-]{36}$/);
    assert.is((await stack.request(path)).headers['x-correlation-id'], undefined, path);
  }
  const long = await stack.request('/metadata', { headers: { 'x-request-id': 'a'.repeat(1000) } });
  assert.is(String(long.headers['x-correlation-id']).length, 200);
});

test('and one for a server or gateway that is gone', async () => {
  for (const name of ['fhir', 'gateway'] as const) {
    stack.system.parts.get(name)!.kill('SIGKILL');
    await eventually(`${name} is gone`, async () => (await stack.request('/metadata')).status === 503);
    const answer = await stack.request('/metadata');
    isGuarded(answer, 503);
    assert.is(answer.headers['retry-after'], '1');
    await stack.system.restart(name);
    await eventually('back', async () => (await stack.request('/metadata')).status === 200);
  }
});

test.run();
