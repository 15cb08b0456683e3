/** The FHIR server as a process; its settings are environment variables (README.md). */
import { chmodSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, ListenOptions } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { openIdentityKeys } from '../proto/access/identity-keys.ts';
import { drainOnSignal } from '../proto/process/drain.ts';
import { readEnv } from '../proto/process/env.ts';
import { startHealth } from '../proto/process/health.ts';
import { removeStaleSocket } from '../proto/process/listen.ts';
import { createLog } from '../proto/process/log.ts';
import { createApp } from './app.ts';
import { describeFault } from './http/fault.ts';
import { createFront } from './http/front.ts';
import { type Identify, noIdentity, signedIdentity } from './http/identity.ts';
import { startBackground } from './job/background.ts';
import { openServer } from './open-server.ts';
import { createEndpointCheck } from './subscription/endpoint.ts';

const log = createLog('fhir');
const env = readEnv();

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
const { server, close: closeServer } = await openServer({
  databaseUrl,
  pool: env.integer('DATABASE_POOL', 10, { min: 1, max: 500 }),
  baseUrl: env.text('FHIR_BASE_URL', 'the public address, such as https://fhir.example.org/fhir').replace(/\/$/, ''),
  prepare: env.choice('DATABASE_PREPARE', ['on', 'off']) === 'on',
  rules: {
    conditionalDelete: env.choice('FHIR_CONDITIONAL_DELETE', ['single', 'multiple']),
    referentialIntegrity: env.choice('REFERENTIAL_INTEGRITY', ['off', 'on']) === 'on',
  },
  isEndpoint,
  jobs: { exportBucket: env.optional('EXPORT_BUCKET'), importBucket: env.optional('IMPORT_BUCKET') },
  validation: env.choice('VALIDATION', ['structure', 'full']),
  packagesFolder: env.optional('FHIR_PACKAGES'),
  onFault: (error) => log.error(describeFault(error), 'search parameters not read again, the former ones stay'),
});
const app = createApp(server, {
  identify,
  onFault: ({ error, ...fault }) => log.error({ ...fault, ...describeFault(error) }, 'request failed'),
});

const front = createFront({ isReady: () => true });
front.open(getRequestListener(app.fetch));
const serve = (address: ListenOptions): Promise<Server> =>
  new Promise((resolve, reject) => {
    // Envoy keeps a connection to here for 4 s without a request: ours must be the longer patience, or it meets closed connections.
    const http = createServer({ keepAliveTimeout: 65_000, requestTimeout: 60_000, headersTimeout: 15_000 }, front.listener);
    http.once('error', reject);
    http.listen(address, () => resolve(http));
  });
const host = env.optional('FHIR_HOST') ?? '127.0.0.1';
const servers = [await serve({ host, port: env.integer('FHIR_PORT', 8080, { min: 0, max: 65_535 }) })];
// Beside an Envoy on the same machine a socket file is cheaper than the loopback: see README.md, figures.
const socket = env.optional('FHIR_SOCKET');
if (socket !== undefined) {
  await removeStaleSocket(socket);
  servers.push(await serve({ path: socket }));
  chmodSync(socket, 0o600);
}

const healthListen = env.optional('HEALTH_LISTEN');
const health = healthListen === undefined ? undefined : await startHealth(healthListen, ['fhir']);
const probe = setInterval(() => {
  server.db.unsafe('select 1').then(
    () => health?.set('fhir', true),
    () => health?.set('fhir', false),
  );
}, 2000);

const closeHttp = (http: Server): Promise<unknown> =>
  new Promise((resolve) => {
    http.close(resolve);
    http.closeIdleConnections();
    // A request has as long as its answer takes; a connection that only stays open has until here.
    setTimeout(() => http.closeAllConnections(), 5000).unref();
  });

const background =
  env.choice('BACKGROUND', ['on', 'off']) === 'off'
    ? undefined
    : startBackground({
        server,
        databaseUrl: env.optional('BACKGROUND_DATABASE_URL') ?? databaseUrl,
        subscriptions: { isAllowed: isEndpoint, maxAttempts: env.integer('SUBSCRIPTION_ATTEMPTS', 16, { min: 1, max: 1000 }) },
        onIndexed: (scanned) => log.info(scanned, 'search parameter ready'),
        leaseMs: env.integer('JOB_LEASE_SECONDS', 30, { min: 1, max: 3600 }) * 1000,
        keepMs: env.integer('JOB_KEEP_HOURS', 24, { min: 1, max: 8760 }) * 3_600_000,
        onFault: ({ error, ...fault }) => log.error({ ...fault, ...describeFault(error) }, 'work in the background failed'),
      });

drainOnSignal({
  log,
  closers: [
    { name: 'health', close: () => (clearInterval(probe), health?.shutdown()) },
    {
      name: 'http',
      close: () => Promise.all(servers.map(closeHttp)),
    },
    { name: 'background', close: () => background?.close() },
    { name: 'server', close: closeServer },
    { name: 'identity', close: closeIdentity },
    { name: 'health server', close: () => health?.close() },
  ],
});
log.info({ host, port: (servers[0]!.address() as AddressInfo).port }, 'ready');
