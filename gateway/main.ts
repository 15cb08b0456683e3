/** The gateway as a process; its settings are environment variables (README.md). */
import { createOutbox } from '../fhir/audit/outbox.ts';
import { createPool } from '../fhir/store/pool.ts';
import { openIdentityKeys } from '../proto/access/identity-keys.ts';
import { drainOnSignal, drainTimes } from '../proto/process/drain.ts';
import { readEnv } from '../proto/process/env.ts';
import { createHealthState, decodeHealthRequest, encodeHealthResponse, serveHealth, SERVICE_UNKNOWN } from '../proto/process/health.ts';
import { createLog } from '../proto/process/log.ts';
import { serveMetrics } from '../proto/process/metrics.ts';
import { healthOf, type Part } from '../proto/process/parts.ts';
import { tlsFromEnv } from '../proto/process/tls-settings.ts';
import { createDenialTrail } from './audit/denials.ts';
import { createCheck } from './authz/check.ts';
import { createPublisher } from './clients/publish.ts';
import { openPolicy } from './config/watch.ts';
import { ConfigError } from './config/yaml-reader.ts';
import { createGrpcServer, GRPC_STATUS, GrpcError } from './grpc/server.ts';
import { createMetrics } from './metrics.ts';
import { createQuotaEngine } from './quota/engine.ts';
import { createRedisCounter } from './quota/redis-counter.ts';
import { createShouldRateLimit } from './quota/should-rate-limit.ts';

const AUTHORIZATION = 'envoy.service.auth.v3.Authorization';
const RATE_LIMIT = 'envoy.service.ratelimit.v3.RateLimitService';

const REDIS_PATIENCE_MS = 1500;

const log = createLog('gateway');
const env = readEnv();
const times = drainTimes(env);
const tls = tlsFromEnv(env, log);
const metrics = createMetrics();

const databaseUrl = env.optional('DATABASE_URL');
if (databaseUrl === undefined) log.warn('DATABASE_URL is not set: refusals are not audited');
const sql = databaseUrl === undefined ? undefined : createPool(databaseUrl, { max: 2, application: 'gateway audit' });
const publisher = createPublisher(sql, (error) =>
  log.warn({ name: (error as Error).name }, 'the registry could not be told to the FHIR server: tried again'),
);

const openPolicyOrExit = (): ReturnType<typeof openPolicy> => {
  try {
    return openPolicy(env.text('GATEWAY_CONFIG_DIR', 'the folder with clients.yaml and quotas.yaml'), {
      onLoaded: ({ version, registry, quotas, notes }) => {
        metrics.configLoaded(true);
        publisher.publish(registry);
        log.info(
          { version, clients: registry.clients.size, quotas: quotas.limits.length, ...(notes.length > 0 && { notes }) },
          'config loaded',
        );
      },
      onRefused: (reasons) => {
        metrics.configLoaded(false);
        log.error({ reasons }, 'config refused, the former one stays');
      },
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.fatal({ reasons: error.reasons }, 'config refused');
    process.exit(1);
  }
};

const policy = openPolicyOrExit();
const keys = openIdentityKeys(env.text('IDENTITY_KEYS_FILE', 'the file of keys to sign identities with'), {
  onError: (err) => log.error({ err }, 'identity keys refused, the former ones stay'),
});
const redis = createRedisCounter({
  url: env.text('REDIS_URL', 'the address of Redis or Valkey'),
  password: env.optional('REDIS_PASSWORD'),
  caFile: env.optional('REDIS_CA_FILE'),
  onChange: (up) => {
    metrics.redisUp(up);
    if (up) log.info('redis answers');
    else log.warn('redis does not answer: quotas go by their onRedisDown');
  },
});
const engine = createQuotaEngine(redis);
// Without Redis it is ready too; but a count that begins with a cold connection begins late, and apart from the others'.
await redis.warmedUp(REDIS_PATIENCE_MS);

const denials = createDenialTrail({
  outbox: sql === undefined ? undefined : createOutbox(sql),
  onLost: (count) => {
    metrics.lost(count);
    log.error({ count }, 'refusals lost to the audit trail: the database does not answer');
  },
});

let isDraining = false;
const health = createHealthState([AUTHORIZATION, RATE_LIMIT]);
const server = createGrpcServer({
  tls,
  onFault: (error) => log.error({ name: (error as Error).name, stack: (error as Error).stack }, 'call failed'),
  methods: {
    unary: {
      [`/${AUTHORIZATION}/Check`]: createCheck({
        policy: policy.current,
        engine,
        withQuota: env.choice('GATEWAY_QUOTA', ['check', 'ratelimit']) === 'check',
        keys: keys.current,
        denials,
        onDecision: metrics.decided,
      }),
      [`/${RATE_LIMIT}/ShouldRateLimit`]: createShouldRateLimit({ policy: policy.current, engine, denials }),
      '/grpc.health.v1.Health/Check': (request) => {
        const found = health.get(decodeHealthRequest(request));
        if (found === SERVICE_UNKNOWN) throw new GrpcError(GRPC_STATUS.notFound, 'unknown service');
        return encodeHealthResponse(found);
      },
    },
    streaming: {
      '/grpc.health.v1.Health/Watch': (request, send) =>
        health.watch(decodeHealthRequest(request), (status) => send(encodeHealthResponse(status))),
    },
  },
});
const addresses = env.list('GATEWAY_LISTEN', 'where to listen: unix:/path or host:port, several separated by commas');
for (const address of addresses) await server.listen(address);
const healthListen = env.optional('HEALTH_LISTEN');
const healthServer = healthListen === undefined ? undefined : await serveHealth(healthListen, health);
/** Without Redis, with a bad edit of the config, or without the database requests are still decided: degraded, and ready. */
const parts = (): Record<string, Part> => ({
  process: { status: isDraining ? 'unavailable' : 'ok', draining: isDraining },
  config: {
    status: policy.refused().length === 0 ? 'ok' : 'degraded',
    version: policy.current().version,
    refused: policy.refused(),
  },
  redis: { status: redis.isUp() ? 'ok' : 'degraded' },
  audit: { status: denials.waiting() === 0 ? 'ok' : 'degraded', configured: sql !== undefined, waiting: denials.waiting() },
});
const metricsListen = env.optional('METRICS_LISTEN');
const closeMetrics =
  metricsListen === undefined
    ? undefined
    : await serveMetrics(metricsListen, { registry: metrics.registry, health: () => healthOf(parts()) });

drainOnSignal({
  log,
  ...times,
  // Envoy hears of it through its health check and goes elsewhere, before the door closes.
  onDrain: () => {
    isDraining = true;
    health.shutdown();
  },
  closers: [
    { name: 'grpc', close: server.close },
    { name: 'denials', close: denials.close },
    { name: 'redis', close: redis.close },
    { name: 'config', close: () => (policy.close(), publisher.close(), keys.close(), tls?.folder.close()) },
    { name: 'database', close: () => sql?.end({ timeout: 2 }) },
    { name: 'metrics', close: () => closeMetrics?.() },
    { name: 'health', close: () => healthServer?.close() },
  ],
});
log.info({ addresses }, 'ready');
