import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startValkey } from '../../support/valkey.ts';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack({ ownValkey: true });
});
test.after(() => stack.stop());

const read = (client: string): Promise<Answer> => stack.request('/metadata', { client });
const quotas = (text: string): void => writeFileSync(join(stack.system.state.configDir, 'quotas.yaml'), text);
const policyOf = async (client: string): Promise<string> => String((await read(client)).headers['ratelimit-policy']);

test('counts to the limit exactly and then answers 429 with what the client needs to know', async () => {
  const answers: Answer[] = [];
  for (let i = 0; i < 122; i++) answers.push(await read('reader-demo'));
  assert.is(answers.filter(({ status }) => status === 200).length, 120);
  assert.match(String(answers[0]!.headers['ratelimit']), /^"reader";r=119;t=\d+$/);
  assert.is(answers[0]!.headers['ratelimit-policy'], '"reader";q=120;w=60');
  const over = answers[121]!;
  assert.is(over.status, 429);
  assert.ok(Number(over.headers['retry-after']) > 0 && Number(over.headers['retry-after']) <= 60);
  assert.is(over.json.resourceType, 'OperationOutcome');
  assert.is(over.json.issue[0].code, 'throttled');
  assert.match(over.json.issue[0].diagnostics, /quota reader \(120 in 60 s\): retry after \d+ s/);
  assert.is((await read('ehr-demo')).status, 200, 'another client has its own count');
});

test('a quota changed in place is live within two seconds', async () => {
  quotas('quotas:\n  - { name: changed, tier: reader, limit: 50, per: 10s }\n');
  await eventually('live', async () => (await policyOf('reader-demo')) === '"changed";q=50;w=10', 2000);
});

test('a ConfigMap that is swapped by its ..data link is live within two seconds', async () => {
  const { configDir } = stack.system.state;
  const files = ['clients.yaml', 'quotas.yaml'];
  const version = (name: string, limit: number): void => {
    mkdirSync(join(configDir, name));
    writeFileSync(join(configDir, name, 'clients.yaml'), readFileSync(join(configDir, 'clients.yaml')));
    writeFileSync(join(configDir, name, 'quotas.yaml'), `quotas:\n  - { name: swapped, tier: reader, limit: ${limit}, per: 10s }\n`);
    symlinkSync(name, join(configDir, '..data_tmp'));
    renameSync(join(configDir, '..data_tmp'), join(configDir, '..data'));
  };
  version('..v1', 61);
  for (const file of files) {
    rmSync(join(configDir, file));
    symlinkSync(`..data/${file}`, join(configDir, file));
  }
  await eventually('first version', async () => (await policyOf('reader-demo')) === '"swapped";q=61;w=10', 2000);
  version('..v2', 62);
  await eventually('second version', async () => (await policyOf('reader-demo')) === '"swapped";q=62;w=10', 2000);
  for (const file of files) {
    const text = readFileSync(join(configDir, file));
    rmSync(join(configDir, file));
    writeFileSync(join(configDir, file), text);
  }
});

test('a bad file is refused as a whole with file, line and reason, and the last good one stays', async () => {
  quotas('quotas:\n  - { name: good, tier: reader, limit: 1000, per: 10s }\n');
  await eventually('good', async () => (await policyOf('reader-demo')) === '"good";q=1000;w=10', 2000);
  const bad = {
    'quotas:\n  - { name: bad, tier: reader, limit: 5, per: 10s }\n  - { name: bad, limit: 5, per: 10s }\n':
      /quotas\.yaml:3:\d+: the name bad is there twice/,
    'quotas:\n  - { name: bad, tier: reader, limt: 5, per: 10s }\n': /quotas\.yaml:2:\d+: a quota has no field .+limt/,
    'quotas:\n  - { name: bad, tier: [ }\n': /quotas\.yaml:2:\d+/,
  };
  for (const [text, reason] of Object.entries(bad)) {
    quotas(text);
    await eventually('refused', () => reason.test(stack.system.parts.get('gateway')!.tail(20)), 3000);
    assert.is(await policyOf('reader-demo'), '"good";q=1000;w=10');
  }
});

test('goes by onRedisDown while Redis is stalled, stopped, and is back on its own when Redis is', async () => {
  quotas(
    'quotas:\n  - { name: here, tier: reader, limit: 500, per: 60s }\n  - { name: never, client: ehr-demo, limit: 500, per: 60s, onRedisDown: deny }\n',
  );
  await eventually('loaded', async () => (await policyOf('ehr-demo')).includes('never'), 2000);

  process.kill(stack.valkey.pid, 'SIGSTOP');
  const stalled = [];
  for (let i = 0; i < 20; i++) stalled.push((await read('reader-demo')).status);
  assert.equal([...new Set(stalled)], [200], 'local: counted here');
  const denied = await read('ehr-demo');
  assert.is(denied.status, 503);
  assert.is(denied.json.resourceType, 'OperationOutcome');
  assert.is(denied.headers['retry-after'], '1');
  process.kill(stack.valkey.pid, 'SIGCONT');
  await eventually('back after a stall', async () => (await read('ehr-demo')).status === 200, 5000);

  const { port, password } = new URL(stack.valkey.url);
  await stack.valkey.stop();
  assert.is((await read('reader-demo')).status, 200);
  assert.is((await read('ehr-demo')).status, 503);
  const again = await startValkey({ own: true, port: Number(port), password });
  try {
    await eventually('back after a stop', async () => (await read('ehr-demo')).status === 200, 5000);
  } finally {
    await again.stop();
  }
});

test('a gateway that starts before Redis waits for it and decides meanwhile', async () => {
  await stack.system.restart('gateway');
  assert.is((await read('reader-demo')).status, 200);
  assert.is((await read('ehr-demo')).status, 503, 'its quota says deny');
});

test.run();
