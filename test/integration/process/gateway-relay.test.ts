import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSigningKey } from '../../../fhir/audit/signing-key.ts';
import { freePorts } from '../../../local/ports.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { health } from '../../support/health.ts';
import { startPart } from '../../support/part.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/stack.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { startValkey, type TestValkey } from '../../support/valkey.ts';

const [SERVING, NOT_SERVING] = [1, 2];
let server: TestPostgres;
let database: TestDatabase;
let valkey: TestValkey;
let dir: string;
test.before(async () => {
  [server, valkey] = await Promise.all([startPostgres(), startValkey()]);
  database = await server.createDatabase();
  dir = mkdtempSync(join(tmpdir(), 'process-'));
  cpSync(join(PROJECT, 'gateway/examples'), join(dir, 'config'), { recursive: true });
  writeFileSync(join(dir, 'identity.keys'), `k1:${randomBytes(32).toString('base64')}\n`);
  writeFileSync(join(dir, 'signing.pem'), createSigningKey('test.example/audit').privatePem);
});
test.after(async () => {
  await database.drop();
  await Promise.all([server.stop(), valkey.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

const through = (url: string, { port }: TcpProxy): URL => {
  const changed = new URL(url);
  [changed.hostname, changed.port] = ['127.0.0.1', String(port)];
  return changed;
};
const proxyTo = (url: string): Promise<TcpProxy> => {
  const { hostname, port } = new URL(url);
  return startProxy({ host: hostname, port: Number(port) });
};
const ports = async (): Promise<{ probes: string; metrics: string; own: string }> => {
  const [probes, metrics, own] = (await freePorts(3)).map((port) => `127.0.0.1:${port}`) as [string, string, string];
  return { probes, metrics, own };
};
const stateOf = async (metrics: string): Promise<any> => (await fetch(`http://${metrics}/health`)).json(); // oxlint-disable-line typescript/no-explicit-any

test('a gateway is ready without Redis, without a database and after a bad edit of its config, and says so', async () => {
  const { probes, metrics, own } = await ports();
  const redis = await proxyTo(valkey.url);
  const redisUrl = through(valkey.url, redis);
  const { password } = redisUrl;
  redisUrl.password = '';
  const gateway = await startPart('gateway/main.ts', {
    REDIS_URL: redisUrl.href,
    REDIS_PASSWORD: password,
    DATABASE_URL: 'postgres://gateway_audit@127.0.0.1:1/none',
    IDENTITY_KEYS_FILE: join(dir, 'identity.keys'),
    GATEWAY_CONFIG_DIR: join(dir, 'config'),
    GATEWAY_LISTEN: `${own},unix:${join(dir, 'gateway.sock')}`,
    HEALTH_LISTEN: probes,
    METRICS_LISTEN: metrics,
  });
  try {
    const becomes = (part: string, status: string): Promise<void> =>
      eventually(`${part} is ${status}`, async () => (await stateOf(metrics)).parts[part].status === status, 10_000);
    const isReady = async (): Promise<void> => {
      for (const service of ['liveness', 'readiness', '']) assert.is(await health(probes, service), SERVING, service);
      assert.is((await fetch(`http://${metrics}/health`)).status, 200);
    };
    // Both addresses of GATEWAY_LISTEN answer.
    for (const address of [own, `unix:${join(dir, 'gateway.sock')}`]) assert.is(await health(address, ''), SERVING);
    await becomes('redis', 'ok');
    await redis.cut();
    await becomes('redis', 'degraded');
    await isReady();
    await redis.restore();
    await becomes('redis', 'ok');

    const file = join(dir, 'config/quotas.yaml');
    const good = readFileSync(file);
    appendFileSync(file, '  - nonsense\n');
    await becomes('config', 'degraded');
    await isReady();
    assert.match((await stateOf(metrics)).parts.config.refused[0], /quotas\.yaml/);
    assert.match(await (await fetch(`http://${metrics}/metrics`)).text(), /^gateway_config_current 0$/m);
    writeFileSync(file, good);
    await becomes('config', 'ok');
    assert.is((await fetch(`http://${metrics}/metrics2`)).status, 404);
  } finally {
    await gateway.stop();
    await redis.cut();
  }
});

test('a gateway that is stopped says so at once on both ports and serves on for the delay', async () => {
  const { probes, metrics, own } = await ports();
  const gateway = await startPart('gateway/main.ts', {
    REDIS_URL: valkey.url,
    IDENTITY_KEYS_FILE: join(dir, 'identity.keys'),
    GATEWAY_CONFIG_DIR: join(dir, 'config'),
    GATEWAY_LISTEN: own,
    HEALTH_LISTEN: probes,
    METRICS_LISTEN: metrics,
    DRAIN_DELAY_SECONDS: '2',
  });
  try {
    gateway.process.kill('SIGTERM');
    await eventually('not ready', async () => (await health(probes, 'readiness')) === NOT_SERVING, 1500);
    assert.is(await health(probes, 'liveness'), SERVING);
    assert.is(await health(own, 'envoy.service.auth.v3.Authorization'), NOT_SERVING);
    assert.is((await fetch(`http://${metrics}/health`)).status, 503);
    assert.equal(await gateway.process.exited, { code: 0, signal: null });
  } finally {
    await gateway.stop();
  }
});

test('a relay is ready while it leads and while it waits, and not without its database', async () => {
  const proxy = await proxyTo(database.relayUrl);
  const environment = {
    DATABASE_URL: through(database.relayUrl, proxy).href,
    AUDIT_BUCKET: join(dir, 'bucket'),
    AUDIT_SIGNING_KEY: join(dir, 'signing.pem'),
  };
  await proxy.cut();
  const first = await ports();
  const second = await ports();
  const leader = await startPart('fhir/audit/main.ts', { ...environment, HEALTH_LISTEN: first.probes, METRICS_LISTEN: first.metrics });
  const standby = await startPart('fhir/audit/main.ts', { ...environment, HEALTH_LISTEN: second.probes, METRICS_LISTEN: second.metrics });
  const turns = (serving: number): Promise<unknown> =>
    Promise.all(
      [first, second].map(({ probes }) => eventually(`${serving}`, async () => (await health(probes, 'readiness')) === serving, 15_000)),
    );
  try {
    await turns(NOT_SERVING);
    assert.is(await health(first.probes, 'liveness'), SERVING);
    await proxy.restore();
    await turns(SERVING);
    const roles = async (): Promise<string[]> =>
      (await Promise.all([first, second].map(({ metrics }) => stateOf(metrics)))).map(({ parts }) => parts.relay.role);
    assert.equal((await roles()).sort(), ['leading', 'standby']);
    proxy.stall();
    await turns(NOT_SERVING);
    proxy.resume();
    await turns(SERVING);
    await proxy.cut();
    await turns(NOT_SERVING);
    assert.is((await fetch(`http://${first.metrics}/health`)).status, 503);
    await proxy.restore();
    await turns(SERVING);
  } finally {
    proxy.resume();
    await Promise.all([leader.stop(), standby.stop()]);
    await proxy.cut();
  }
});

test.run();
