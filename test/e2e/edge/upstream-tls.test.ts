import { connect, type ConnectionOptions } from 'node:tls';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { type Edge, http1Load, http2Load, type Load, prepareLoad, startEdge } from '../../support/edge.ts';
import { type Part, startPart } from '../../support/part.ts';
import { eventually, type Stack, startStack } from '../../support/stack.ts';
import { createTestCa, type MountedSecret, mountSecret, type TestCa, type TlsPair } from '../../support/tls-folder.ts';

const NAMES = { envoy: 'envoy.test', fhir: 'fhir.test', gateway: 'gateway.test' };
let stack: Stack;
let ca: TestCa;
let edge: Edge;
let secrets: Record<keyof typeof NAMES, MountedSecret>;
let ports: { fhir: number[]; gateway: number[] };
const parts = new Map<string, Part>();

const start = async (name: 'fhir' | 'gateway', number: number): Promise<void> => {
  const { state } = stack.system;
  const shared = {
    IDENTITY_KEYS_FILE: join(stack.data, 'secrets', 'identity.keys'),
    TLS_DIR: secrets[name].dir,
    TLS_PEER: NAMES.envoy,
    DRAIN_DELAY_SECONDS: '3',
    DRAIN_SECONDS: '10',
  };
  const own = {
    fhir: {
      DATABASE_URL: state.databaseAppUrl,
      FHIR_BASE_URL: 'https://localhost/fhir',
      FHIR_PORT: String(ports.fhir[number]),
      BACKGROUND: 'off',
    },
    gateway: { REDIS_URL: state.redisUrl, GATEWAY_CONFIG_DIR: state.configDir, GATEWAY_LISTEN: `127.0.0.1:${ports.gateway[number]}` },
  };
  parts.set(`${name}${number}`, await startPart(`${name}/main.ts`, { ...shared, ...own[name] }));
};

test.before(async () => {
  stack = await startStack();
  await prepareLoad(stack);
  ca = await createTestCa();
  const mount = async (name: string): Promise<MountedSecret> => mountSecret(await ca.issue(name));
  secrets = { envoy: await mount(NAMES.envoy), fhir: await mount(NAMES.fhir), gateway: await mount(NAMES.gateway) };
  const [a, b, c, d] = (await freePorts(4)) as [number, number, number, number];
  ports = { fhir: [a, b], gateway: [c, d] };
  await Promise.all((['fhir', 'gateway'] as const).flatMap((name) => [start(name, 0), start(name, 1)]));
  const upstreams = (list: readonly number[]): string => list.map((port) => `localhost:${port}`).join();
  edge = await startEdge(stack, 'inside', {
    FHIR_UPSTREAM: upstreams(ports.fhir),
    GATEWAY_UPSTREAM: upstreams(ports.gateway),
    UPSTREAM_TLS_DIR: secrets.envoy.dir,
    FHIR_TLS_NAME: NAMES.fhir,
    GATEWAY_TLS_NAME: NAMES.gateway,
  });
});
test.after(async () => {
  await edge?.stop();
  await Promise.all([...parts.values()].map((part) => part.stop()));
  for (const secret of Object.values(secrets ?? {})) secret.remove();
  await stack.stop();
});

/** What a bare connection gets: what the server's certificate is called, or 'refused'. */
const handshake = async (port: number, pair: Partial<TlsPair>, options: ConnectionOptions = {}): Promise<string> => {
  const socket = connect({
    host: '127.0.0.1',
    port,
    servername: NAMES.fhir,
    rejectUnauthorized: false,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...pair,
    ...options,
  });
  // In TLS 1.3 a client has finished before the server has judged it: only an answer says that it was taken.
  socket.on('secureConnect', () =>
    socket.alpnProtocol === 'h2'
      ? socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0')
      : socket.write('GET /health HTTP/1.1\r\nhost: x\r\n\r\n'),
  );
  try {
    const [first] = (await once(socket, 'data', { signal: AbortSignal.timeout(3000) })) as [Buffer];
    return first.length > 0 ? (socket.getPeerX509Certificate()?.subject ?? '') : 'refused';
  } catch {
    return 'refused';
  } finally {
    socket.destroy();
  }
};

const loads = (): Load[] => {
  const options = { stack, port: () => edge.port, clients: 6 };
  return [http1Load(options), http2Load(options)];
};
/** Answers other than 200, and requests without one. */
const missed = (all: readonly Load[]): number =>
  all.reduce((sum, { answered, failures }) => {
    const others = [...answered()].filter(([status]) => status !== 200);
    return sum + failures.length + others.reduce((count, [, each]) => count + each, 0);
  }, 0);

test('only a certificate of the CA with the name of TLS_PEER gets a word in, over TLS 1.3', async () => {
  const envoy = await ca.issue(NAMES.envoy);
  const other = await ca.issue(NAMES.gateway);
  const foreign = await (await createTestCa()).issue(NAMES.envoy);
  for (const [name, [port]] of Object.entries(ports) as ['fhir' | 'gateway', number[]][]) {
    assert.is(await handshake(port!, envoy), `CN=${NAMES[name]}`, name);
    assert.is(await handshake(port!, {}), 'refused', `${name}: no certificate`);
    assert.is(await handshake(port!, other), 'refused', `${name}: another name`);
    assert.is(await handshake(port!, foreign), 'refused', `${name}: another CA`);
    assert.is(await handshake(port!, envoy, { maxVersion: 'TLSv1.2' }), 'refused', `${name}: TLS 1.2`);
  }
});

test('requests go through Envoy to a gateway and a FHIR server by mutual TLS', async () => {
  const all = loads();
  await sleep(500);
  await Promise.all(all.map((load) => load.stop()));
  for (const { answered, failures } of all) assert.equal([[...answered().keys()], failures], [[200], []]);
});

for (const name of ['fhir', 'gateway'] as const) {
  test(`a ${name} that is stopped under load fails no request`, async () => {
    const all = loads();
    try {
      await sleep(500);
      const leaving = parts.get(`${name}1`)!;
      leaving.process.kill('SIGTERM');
      assert.equal(await leaving.process.exited, { code: 0, signal: null });
      await sleep(500);
    } finally {
      await Promise.all(all.map((load) => load.stop()));
      await start(name, 1);
    }
    assert.is(missed(all), 0);
  });

  test(`a ${name} that is killed under load fails no more than what it was doing`, async () => {
    await sleep(2500); // both are known to be healthy again
    const all = loads();
    try {
      await sleep(500);
      parts.get(`${name}1`)!.process.kill('SIGKILL');
      await sleep(250);
      const atOnce = missed(all);
      assert.ok(atOnce <= 12, `${atOnce} requests failed`); // as many as there are callers
      await sleep(2500);
      assert.is(missed(all), atOnce);
    } finally {
      await Promise.all(all.map((load) => load.stop()));
      await start(name, 1);
    }
  });
}

test('certificates that are replaced are used without a restart: another CA lets the old ones no more in', async () => {
  const old = await ca.issue(NAMES.envoy);
  const next = await createTestCa('next CA');
  for (const name of Object.keys(NAMES) as (keyof typeof NAMES)[]) secrets[name].replace(await next.issue(NAMES[name]));
  const fresh = await next.issue(NAMES.envoy);
  for (const port of [...ports.fhir, ...ports.gateway]) {
    await eventually('the new CA', async () => (await handshake(port, fresh)) !== 'refused');
    assert.is(await handshake(port, old), 'refused');
  }
  const after = loads();
  await sleep(1000);
  await Promise.all(after.map((load) => load.stop()));
  assert.is(missed(after), 0);
});

test.run();
