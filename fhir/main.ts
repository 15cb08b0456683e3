/** The FHIR server as a process; its settings are environment variables (README.md). */
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { openIdentityKeys } from '../proto/access/identity-keys.ts';
import { drainOnSignal, drainTimes } from '../proto/process/drain.ts';
import { readEnv } from '../proto/process/env.ts';
import { serveHealth } from '../proto/process/health.ts';
import { createLog } from '../proto/process/log.ts';
import { serveMetrics } from '../proto/process/metrics.ts';
import { tlsFromEnv } from '../proto/process/tls-settings.ts';
import { createApp } from './app.ts';
import { describeFault } from './http/fault.ts';
import { boundHeapGrowth } from './heap-growth.ts';
import { createFront } from './http/front.ts';
import { type Identify, noIdentity, signedIdentity } from './http/identity.ts';
import { type Served, serveSocket, serveTcp } from './http/serve.ts';
import { type BackgroundOptions, startBackground } from './job/background.ts';
import { openJobFiles } from './job/open-files.ts';
import { openImportSource } from './job/import/open-source.ts';
import { createMetrics } from './metrics.ts';
import { openServer, type ServerOptions } from './open-server.ts';
import { createReadiness } from './readiness.ts';
import { awaitSchema } from './store/await-schema.ts';
import { watchDatabase } from './store/database-watch.ts';
import { asFhirError } from './store/errors.ts';
import { createPool, type Sql } from './store/pool.ts';
import { createEndpointCheck } from './subscription/endpoint.ts';

boundHeapGrowth();
const log = createLog('fhir');
const env = readEnv();
const times = drainTimes(env);
const tls = tlsFromEnv(env, log);

const identityOf = (): { identify: Identify; close: () => void } => {
  if (env.choice('IDENTITY', ['signed', 'none']) === 'none') {
    log.warn('IDENTITY=none: everybody who reaches this port may do everything');
    return { identify: noIdentity(), close: () => undefined };
  }
  const keys = openIdentityKeys(env.text('IDENTITY_KEYS_FILE', 'the file of keys that the gateway signs identities with'), {
    onError: (err) => log.error({ err }, 'identity keys refused, the former ones stay'),
  });
  return { identify: signedIdentity(keys.current, (reason) => log.warn({ reason }, 'identity refused')), close: keys.close };
};

const { identify, close: closeIdentity } = identityOf();
const databaseUrl = env.text('DATABASE_URL', 'the address of the database, for the role fhir_app');
const endpoints = env.optional('SUBSCRIPTION_ENDPOINTS');
const isEndpoint = createEndpointCheck(endpoints === undefined ? [] : env.list('SUBSCRIPTION_ENDPOINTS', 'addresses to notify'));
const prepare = env.choice('DATABASE_PREPARE', ['on', 'off']) === 'on';
// Everything is read before anything is waited for: a bad setting ends the process at once.
const settings: ServerOptions = {
  databaseUrl,
  pool: env.integer('DATABASE_POOL', 10, { min: 1, max: 500 }),
  baseUrl: env.text('FHIR_BASE_URL', 'the public address, such as https://fhir.example.org/fhir').replace(/\/$/, ''),
  prepare,
  rules: {
    conditionalDelete: env.choice('FHIR_CONDITIONAL_DELETE', ['single', 'multiple']),
    referentialIntegrity: env.choice('REFERENTIAL_INTEGRITY', ['off', 'on']) === 'on',
  },
  isEndpoint,
  jobs: {
    exportBucket: await openJobFiles(env.optional('EXPORT_BUCKET'), env),
    importBucket: await openImportSource(env.optional('IMPORT_BUCKET'), env),
  },
  validation: env.choice('VALIDATION', ['structure', 'full']),
  packagesFolder: env.optional('FHIR_PACKAGES'),
  onFault: (error) => log.error(describeFault(error), 'search parameters not read again, the former ones stay'),
  onPackages: ({ unusable, ...found }) => {
    for (const each of unusable) log.warn(each, 'search parameter of a package left out');
    if (found.added.length + found.removed.length + found.unchanged + found.standard > 0) log.info(found, 'search parameters of packages');
  },
};
const hasBackground = env.choice('BACKGROUND', ['on', 'off']) === 'on';
const background: Omit<BackgroundOptions, 'server'> = {
  databaseUrl: env.optional('BACKGROUND_DATABASE_URL') ?? databaseUrl,
  subscriptions: { isAllowed: isEndpoint, maxAttempts: env.integer('SUBSCRIPTION_ATTEMPTS', 16, { min: 1, max: 1000 }) },
  onIndexed: (scanned) => log.info(scanned, 'search parameter ready'),
  leaseMs: env.integer('JOB_LEASE_SECONDS', 30, { min: 1, max: 3600 }) * 1000,
  keepMs: env.integer('JOB_KEEP_HOURS', 24, { min: 1, max: 8760 }) * 3_600_000,
  onFault: ({ error, ...fault }) => log.error({ ...fault, ...describeFault(error) }, 'work in the background failed'),
};
const host = env.optional('FHIR_HOST') ?? '127.0.0.1';
const port = env.integer('FHIR_PORT', 8080, { min: 0, max: 65_535 });
const socket = env.optional('FHIR_SOCKET');

const readiness = createReadiness();
let pool: Sql | undefined;
const metricsListen = env.optional('METRICS_LISTEN');
const metrics =
  metricsListen === undefined
    ? undefined
    : createMetrics({ pool: () => pool, isReady: readiness.isReady, isDatabaseUp: readiness.isDatabaseUp });
const healthListen = env.optional('HEALTH_LISTEN');
const healthServer = healthListen === undefined ? undefined : await serveHealth(healthListen, readiness.health);
const closeMetrics =
  metrics === undefined ? undefined : await serveMetrics(metricsListen!, { registry: metrics.registry, health: readiness.describe });

const front = createFront({ isReady: readiness.isReady });
const servers: Served[] = [await serveTcp({ host, port, tls }, front.listener)];
if (socket !== undefined) servers.push(await serveSocket(socket, front.listener));

const stopping = new AbortController();
/** What there is to close once the database is there, in order. */
const closers: (() => Promise<void>)[] = [];
/** A request has as long as its answer takes, and what comes after it its time until the end of everything. */
const patienceMs = Math.max(1000, times.deadlineMs - times.delayMs - 3000);

/** From the drain on: when work in the background must have let go, with a second left for what comes after. */
let backgroundEndsMs = Infinity;

drainOnSignal({
  log,
  ...times,
  onDrain: () => {
    backgroundEndsMs = performance.now() + times.deadlineMs - 1000;
    readiness.drain();
    front.drain();
    stopping.abort();
  },
  closers: [
    { name: 'http', close: () => Promise.all(servers.map((server) => server.close(patienceMs))) },
    {
      name: 'server',
      close: async () => {
        for (const close of closers) await close();
      },
    },
    { name: 'identity', close: () => (closeIdentity(), tls?.folder.close()) },
    { name: 'health', close: () => Promise.all([healthServer?.close(), closeMetrics?.()]) },
  ],
});

const connectOne = (): Sql => createPool(databaseUrl, { max: 1, application: 'fhir readiness', prepare });
const onWaiting = (reason: string): void => {
  readiness.waitsFor(reason);
  log.warn({ reason }, 'waiting for the database');
};

/** Undefined when the process is told to stop before. */
const openWhenPossible = async (): Promise<Awaited<ReturnType<typeof openServer>> | undefined> => {
  while (await awaitSchema({ connect: connectOne, onWaiting, signal: stopping.signal })) {
    try {
      return await openServer(settings);
    } catch (error) {
      // It may go away again between two statements; anything else is a fault that waiting doesn't mend.
      if (asFhirError(error)?.kind !== 'unavailable') throw error;
      await sleep(1000);
    }
  }
  return undefined;
};

const opened = await openWhenPossible();
if (opened !== undefined && !stopping.signal.aborted) {
  const { server, close } = opened;
  pool = server.sql;
  const app = createApp(server, {
    identify,
    onFault: ({ error, ...fault }) => log.error({ ...fault, ...describeFault(error) }, 'request failed'),
    meter: metrics,
  });
  front.open(getRequestListener(app.fetch, { hostname: 'fhir' }));
  const watch = watchDatabase({
    connect: connectOne,
    isUp: true,
    onChange: (up) => {
      readiness.databaseIs(up);
      if (up) log.info('the database answers');
      else log.error('the database does not answer');
    },
  });
  const working = hasBackground ? startBackground({ server, ...background }) : undefined;
  closers.push(watch.close, () => working?.close(Math.max(0, backgroundEndsMs - performance.now())) ?? Promise.resolve(), close);
  readiness.databaseIs(true);
  readiness.waitsFor(undefined);
  log.info({ host, port: servers[0]!.port }, 'ready');
}
