import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { health } from '../../support/health.ts';
import { type Part, startPart } from '../../support/part.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/stack.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

const [SERVING, NOT_SERVING] = [1, 2];
let server: TestPostgres;
let database: TestDatabase;
let proxy: TcpProxy;
let ports: { readonly fhir: string; readonly health: string; readonly metrics: string };
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  const { hostname, port } = new URL(database.appUrl);
  proxy = await startProxy({ host: hostname, port: Number(port) });
});
test.after(async () => {
  await proxy.cut();
  await database.drop();
  await server.stop();
});

/** A FHIR server whose way to the database is the proxy, and whose password is not in its address. */
const startFhir = async (until?: string, environment: Record<string, string> = {}): Promise<Part> => {
  const [fhir, probes, metrics] = (await freePorts(3)).map((each) => `127.0.0.1:${each}`) as [string, string, string];
  ports = { fhir, health: probes, metrics };
  const url = new URL(database.appUrl);
  const { password } = url;
  url.port = String(proxy.port);
  url.password = '';
  return startPart(
    'fhir/main.ts',
    {
      DATABASE_URL: url.href,
      PGPASSWORD: decodeURIComponent(password),
      FHIR_BASE_URL: 'http://localhost/fhir',
      FHIR_PORT: ports.fhir.split(':')[1]!,
      IDENTITY: 'none',
      HEALTH_LISTEN: ports.health,
      METRICS_LISTEN: ports.metrics,
      ...environment,
    },
    until === undefined ? {} : { until },
  );
};
const statusOf = async (url: string): Promise<number> => (await fetch(url)).status;
const turns = (serving: number, service = 'readiness'): Promise<void> =>
  eventually(`${service} is ${serving}`, async () => (await health(ports.health, service)) === serving, 10_000);

test('a FHIR server without a database lives, is not ready, says so once, and serves when the database comes', async () => {
  await proxy.cut();
  const fhir = await startFhir('waiting for the database');
  try {
    await sleep(2500);
    assert.is(await health(ports.health, 'liveness'), SERVING);
    assert.is(await health(ports.health, 'readiness'), NOT_SERVING);
    assert.is(await health(ports.health, ''), NOT_SERVING);
    assert.is(await statusOf(`http://${ports.fhir}/health`), 503);
    const refused = await fetch(`http://${ports.fhir}/fhir/metadata`);
    assert.equal([refused.status, refused.headers.get('retry-after')], [503, '1']);
    assert.is(((await refused.json()) as { resourceType: string }).resourceType, 'OperationOutcome');
    assert.is(await statusOf(`http://${ports.metrics}/health`), 503);
    assert.is(fhir.log().filter(({ msg }) => msg === 'waiting for the database').length, 1);
    await proxy.restore();
    await turns(SERVING);
    assert.is(await statusOf(`http://${ports.fhir}/health`), 200);
    assert.is(await statusOf(`http://${ports.fhir}/fhir/metadata`), 200);
    assert.is(await statusOf(`http://${ports.metrics}/health`), 200);
  } finally {
    await fhir.stop();
    await proxy.restore();
  }
});

test('a database that hangs is gone, and one that is gone takes readiness with it but not the life', async () => {
  const fhir = await startFhir();
  try {
    await turns(SERVING);
    proxy.stall();
    await turns(NOT_SERVING);
    assert.is(await health(ports.health, 'liveness'), SERVING);
    assert.is(await statusOf(`http://${ports.fhir}/health`), 503);
    proxy.resume();
    await turns(SERVING);
    await proxy.cut();
    await turns(NOT_SERVING);
    assert.is(await health(ports.health, 'liveness'), SERVING);
    const { status, parts } = (await (await fetch(`http://${ports.metrics}/health`)).json()) as any; // oxlint-disable-line typescript/no-explicit-any
    assert.equal([status, parts.database.status, parts.schema.status], ['unavailable', 'unavailable', 'ok']);
    await proxy.restore();
    await turns(SERVING);
  } finally {
    await fhir.stop();
    proxy.resume();
    await proxy.restore();
  }
});

test('a schema older than the code is waited for, and a newer one is fine', async () => {
  const owner = postgres(database.ownerUrl, { max: 1 });
  const [last] = await owner`select * from public.portcullis_migration order by version desc limit 1`;
  await owner`delete from public.portcullis_migration where version = ${last!['version']}`;
  const fhir = await startFhir('waiting for the database');
  try {
    assert.match(fhir.log().find(({ msg }) => msg === 'waiting for the database')!.reason!, /run node fhir\/store\/migrate\.ts/);
    assert.is(await health(ports.health, 'readiness'), NOT_SERVING);
    await owner`insert into public.portcullis_migration ${owner(last!)}`;
    await owner`insert into public.portcullis_migration (version, name, sha256) values (9999, 'newer', '')`;
    await turns(SERVING);
  } finally {
    await owner`delete from public.portcullis_migration where version = 9999`;
    await owner.end();
    await fhir.stop();
  }
});

test('a process that is stopped says so at once, serves on for the delay, and ends each connection', async () => {
  const fhir = await startFhir('ready', { DRAIN_DELAY_SECONDS: '2', DRAIN_SECONDS: '8' });
  try {
    fhir.process.kill('SIGTERM');
    await turns(NOT_SERVING);
    assert.is(await health(ports.health, 'liveness'), SERVING);
    assert.is(await statusOf(`http://${ports.fhir}/health`), 503);
    const served = await fetch(`http://${ports.fhir}/fhir/metadata`);
    assert.equal([served.status, served.headers.get('connection')], [200, 'close']);
    await served.text();
    assert.equal(await fhir.process.exited, { code: 0, signal: null });
  } finally {
    await fhir.stop();
  }
});

test('a process whose event loop hangs is not alive', async () => {
  const fhir = await startFhir();
  fhir.process.kill('SIGSTOP');
  let code = 0;
  await health(ports.health, 'liveness').catch((error: { code: number }) => (code = error.code));
  assert.is(code, 4, 'DEADLINE_EXCEEDED');
  await fhir.stop();
});

test('metrics tell requests by interaction and class of status, and nothing of what was asked', async () => {
  const fhir = await startFhir();
  try {
    for (const path of ['metadata', 'Patient?name=Meier', 'Patient/x', 'Nothing/x', '../elsewhere'])
      await statusOf(`http://${ports.fhir}/fhir/${path}`);
    const text = await (await fetch(`http://${ports.metrics}/metrics`)).text();
    const count = (interaction: string, status: string): number =>
      Number(
        new RegExp(`^fhir_request_duration_seconds_count\\{interaction="${interaction}",status="${status}"\\} (\\d+)$`, 'm').exec(
          text,
        )?.[1],
      );
    assert.equal([count('capabilities', '2xx'), count('search-type', '2xx'), count('read', '4xx')], [1, 1, 2]);
    assert.is(count('unknown', '4xx'), 1);
    assert.match(text, /^fhir_requests_in_flight 0$/m);
    assert.match(text, /^fhir_pool_waiting 0$/m);
    assert.match(text, /^nodejs_eventloop_lag_seconds /m);
    assert.not.match(text, /Meier/);
    assert.is(await statusOf(`http://${ports.metrics}/elsewhere`), 404);
  } finally {
    await fhir.stop();
  }
});

test('a drain delay that leaves no time for the drain is refused', async () => {
  let reason = '';
  await startFhir('ready', { DRAIN_DELAY_SECONDS: '8' }).catch((error: Error) => (reason = error.message));
  assert.match(reason, /give more than DRAIN_DELAY_SECONDS=8/);
});

test.run();
