/** The FHIR server as a process; its settings are environment variables (README.md). */
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { openIdentityKeys } from '../proto/access/identity-keys.ts';
import { drainOnSignal } from '../proto/process/drain.ts';
import { readEnv } from '../proto/process/env.ts';
import { startHealth } from '../proto/process/health.ts';
import { createLog } from '../proto/process/log.ts';
import { createApp } from './app.ts';
import { describeFault } from './http/fault.ts';
import { type Identify, noIdentity, signedIdentity } from './http/identity.ts';
import { openServer } from './open-server.ts';

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
const { server, close: closeServer } = await openServer({
  databaseUrl: env.text('DATABASE_URL', 'the address of the database, for the role fhir_app'),
  pool: env.integer('DATABASE_POOL', 10, { min: 1, max: 500 }),
  baseUrl: env.text('FHIR_BASE_URL', 'the public address, such as https://fhir.example.org/fhir').replace(/\/$/, ''),
});
const app = createApp(server, {
  identify,
  onFault: ({ error, ...fault }) => log.error({ ...fault, ...describeFault(error) }, 'request failed'),
});

// Envoy keeps a connection to here for 4 s without a request: ours must be the longer patience, or it meets closed connections.
const http = createServer({ keepAliveTimeout: 65_000, requestTimeout: 60_000, headersTimeout: 15_000 }, getRequestListener(app.fetch));
const host = env.optional('FHIR_HOST') ?? '127.0.0.1';
const port = env.integer('FHIR_PORT', 8080, { min: 0, max: 65_535 });
await new Promise<void>((resolve, reject) => {
  http.once('error', reject);
  http.listen(port, host, resolve);
});

const healthListen = env.optional('HEALTH_LISTEN');
const health = healthListen === undefined ? undefined : await startHealth(healthListen, ['fhir']);
const probe = setInterval(() => {
  server.db.unsafe('select 1').then(
    () => health?.set('fhir', true),
    () => health?.set('fhir', false),
  );
}, 2000);

drainOnSignal({
  log,
  closers: [
    { name: 'health', close: () => (clearInterval(probe), health?.shutdown()) },
    {
      name: 'http',
      close: () =>
        new Promise((resolve) => {
          http.close(resolve);
          http.closeIdleConnections();
          // A request has as long as its answer takes; a connection that only stays open has until here.
          setTimeout(() => http.closeAllConnections(), 5000).unref();
        }),
    },
    { name: 'server', close: closeServer },
    { name: 'identity', close: closeIdentity },
    { name: 'health server', close: () => health?.close() },
  ],
});
log.info({ host, port: (http.address() as { port: number }).port }, 'ready');
