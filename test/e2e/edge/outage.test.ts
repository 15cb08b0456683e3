import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { health } from '../../support/health.ts';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const isTransient = ({ status, headers, json }: Answer): void => {
  assert.is(status, 503);
  assert.is(json.resourceType, 'OperationOutcome');
  assert.is(json.issue[0].code, 'transient');
  assert.ok(headers['retry-after']);
};
const works = async (): Promise<boolean> => (await stack.request('/metadata')).status === 200;

test('gateway and FHIR server tell their health by gRPC', async () => {
  const { gateway } = stack.system.state;
  assert.is(await health(gateway, 'envoy.service.auth.v3.Authorization'), 1);
  assert.is(await health(gateway, ''), 1);
  assert.is(await health(gateway.replace('gateway.sock', 'fhir-health.sock'), 'fhir'), 1);
  let code = 0;
  await health(gateway, 'nobody').catch((error: { code: number }) => (code = error.code));
  assert.is(code, 5, 'NOT_FOUND');
});

test('a gateway that stalls lets nobody in, and says retry', async () => {
  const gateway = stack.system.parts.get('gateway')!;
  gateway.kill('SIGSTOP');
  isTransient(await stack.request('/metadata'));
  gateway.kill('SIGCONT');
  await eventually('back', works);
});

test('a gateway that is gone lets nobody in, and says retry', async () => {
  stack.system.parts.get('gateway')!.kill('SIGKILL');
  await eventually('refused', async () => (await stack.request('/metadata')).status === 503);
  isTransient(await stack.request('/metadata'));
  const inXml = await stack.request('/metadata', { headers: { accept: 'application/fhir+xml' } });
  assert.equal([inXml.status, inXml.headers['retry-after']], [503, '1']);
  assert.match(inXml.text, /^<OperationOutcome xmlns="http:\/\/hl7\.org\/fhir">.*<code value="transient"\/>/);
  await stack.system.restart('gateway');
  await eventually('back', works);
});

test('a FHIR server that is gone is a 503 that says retry', async () => {
  stack.system.parts.get('fhir')!.kill('SIGKILL');
  await eventually('refused', async () => (await stack.request('/metadata')).status === 503);
  isTransient(await stack.request('/metadata'));
  await stack.system.restart('fhir');
  await eventually('back', works);
});

test.run();
