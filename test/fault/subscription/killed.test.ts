import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { createReceiver, type Receiver } from '../../support/receiver.ts';
import { eventually, type Stack, startStack } from '../../support/stack.ts';
import { underLoad } from '../../support/write-load.ts';

let stack: Stack;
let receiver: Receiver;
test.before(async () => {
  const [port] = await freePorts(1);
  receiver = await createReceiver(port!);
  const hook = `http://127.0.0.1:${port}/hook`;
  stack = await startStack({ environment: { fhir: { SUBSCRIPTION_ENDPOINTS: hook } } });
  const { json } = await stack.request('/Subscription', {
    body: {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'test',
      criteria: 'Basic',
      channel: { type: 'rest-hook', endpoint: hook, payload: 'application/fhir+json' },
    },
  });
  await eventually('active', async () => (await stack.request(`/Subscription/${json.id}`)).json.status === 'active');
});
test.after(async () => {
  await stack.stop();
  await receiver.down();
});

test('kill -9 of the server under load, with the receiver down and up again, leaves no write untold', async () => {
  const acknowledged = await underLoad(
    (body) => stack.request('/Basic', { body }),
    async () => {
      await eventually('some are told', () => receiver.received.length > 5);
      await receiver.down();
      await new Promise((resolve) => setTimeout(resolve, 500));
      stack.system.parts.get('fhir')!.kill('SIGKILL');
      await stack.system.restart('fhir');
      await new Promise((resolve) => setTimeout(resolve, 500));
      await receiver.up();
    },
  );
  const told = (): Set<string> => new Set(receiver.received.map(({ url }) => url.split('/').at(-1)!));
  await eventually('all are told', () => acknowledged.every(({ id }) => told().has(id)), 60_000).catch(() => undefined);
  const known = told();
  assert.equal(
    acknowledged.filter(({ id }) => !known.has(id)),
    [],
    'acknowledged and not told',
  );
  const again = receiver.received.length - known.size;
  console.log(`${known.size} resources told, ${again} of them again`);
  assert.ok(again <= 5, `${again} were told again: only what was on its way when the server died may be`);
});

test.run();
