/** The audit relay as a process; its settings are environment variables (README.md). */
import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { drainOnSignal, drainTimes } from '../../proto/process/drain.ts';
import { readEnv } from '../../proto/process/env.ts';
import { createHealthState, serveHealth } from '../../proto/process/health.ts';
import { createLog } from '../../proto/process/log.ts';
import { serveMetrics } from '../../proto/process/metrics.ts';
import { healthOf, type ProcessHealth } from '../../proto/process/parts.ts';
import { describeFault } from '../http/fault.ts';
import { boundHeapGrowth } from '../heap-growth.ts';
import { watchDatabase } from '../store/database-watch.ts';
import { createPool } from '../store/pool.ts';
import { UnfitBucketError } from './bucket.ts';
import { openBucket } from './open-bucket.ts';
import { runRelay } from './relay.ts';
import { FAULT_POINTS, type FaultPoint } from './sealer.ts';
import { ForkError } from './segment.ts';
import { parseSigningKey, verifierKeyOf } from './signing-key.ts';

boundHeapGrowth();
const log = createLog('audit relay');
const env = readEnv();
const times = drainTimes(env);
const key = parseSigningKey(readFileSync(env.text('AUDIT_SIGNING_KEY', 'the file with the key that signs checkpoints'), 'utf8'));
const bucket = await openBucket(env.text('AUDIT_BUCKET', 'the folder or s3://bucket/prefix that sealed events are put into'), env);
const databaseUrl = env.text('DATABASE_URL', 'the address of the database, for the role audit_relay');
if (env.choice('AUDIT_OBJECT_LOCK', ['on', 'off']) === 'off')
  log.warn('AUDIT_OBJECT_LOCK=off: who reaches the store can remove what is sealed');

const registry = new Registry();
collectDefaultMetrics({ register: registry });
const registers = [registry];
const lag = new Histogram({
  name: 'audit_sealed_lag_seconds',
  help: 'From an event being recorded to its being sealed.',
  buckets: [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 30, 300],
  registers,
});
const oldest = new Gauge({ name: 'audit_unsealed_age_seconds', help: 'Age of the oldest event that is not sealed.', registers });
const horizon = new Gauge({
  name: 'audit_horizon_age_seconds',
  help: 'Age of the transaction that holds the order of events back.',
  registers,
});
const leading = new Gauge({ name: 'audit_relay_leading', help: '1 while this relay seals.', registers });

// For tests of crashes: dies at the named point, as if by kill -9.
const faultAt = env.choice('AUDIT_FAULT', ['none', ...FAULT_POINTS]);
/** A transaction that is open for so long is named in the log. */
const HORIZON_WARN_MS = 10_000;

const health = createHealthState(['audit-relay', 'database'], false);
/** What it does now; one that waits for the other to fall is as ready as the one that seals. */
let role: 'starting' | 'leading' | 'standby' | 'interrupted' | 'draining' = 'starting';
const is = (now: typeof role): void => {
  role = now;
  leading.set(now === 'leading' ? 1 : 0);
  health.set('audit-relay', now === 'leading' || now === 'standby');
};
let oldestUnsealedMs = 0;
const describe = (): ProcessHealth =>
  healthOf({
    relay: { status: role === 'leading' || role === 'standby' ? 'ok' : 'unavailable', role, oldestUnsealedMs },
    database: { status: database.isUp() ? 'ok' : 'unavailable' },
  });
const database = watchDatabase({
  connect: () => createPool(databaseUrl, { max: 1, application: 'audit relay readiness' }),
  onChange: (up) => health.set('database', up),
});
const metricsListen = env.optional('METRICS_LISTEN');
const closeMetrics = metricsListen === undefined ? undefined : await serveMetrics(metricsListen, { registry, health: describe });
const healthListen = env.optional('HEALTH_LISTEN');
const healthServer = healthListen === undefined ? undefined : await serveHealth(healthListen, health);

/** Runs until it is stopped; a lost database is waited for, two histories are not: somebody has to look. */
const RETRY_MS = 1000;
const stopping = new AbortController();
const fault = (point: FaultPoint): void => {
  if (point === faultAt) process.kill(process.pid, 'SIGKILL');
};
let told = '';
const running = (async (): Promise<void> => {
  while (!stopping.signal.aborted) {
    try {
      await runRelay({
        connect: () => createPool(databaseUrl, { max: 3, application: 'audit relay' }),
        bucket,
        key,
        signal: stopping.signal,
        fault,
        heartbeatMs: env.integer('AUDIT_HEARTBEAT_MS', 30_000, { min: 100, max: 3_600_000 }),
        keepHours: env.integer('AUDIT_DATABASE_HOURS', 24, { min: 1, max: 8760 }),
        onDropped: (partitions) => log.info({ partitions }, 'sealed hours dropped from the database'),
        onLead: (state) => {
          is('leading');
          told = '';
          log.info(state, 'leading');
        },
        onStandby: () => {
          is('standby');
          told = '';
          log.info('another relay leads, waiting');
        },
        onSealed: (lagsMs) => {
          for (const ms of lagsMs) lag.observe(ms / 1000);
        },
        onBacklog: ({ oldestMs, horizonMs, blockingPid }) => {
          oldestUnsealedMs = Math.round(oldestMs ?? 0);
          oldest.set((oldestMs ?? 0) / 1000);
          horizon.set((horizonMs ?? 0) / 1000);
          if ((horizonMs ?? 0) > HORIZON_WARN_MS)
            log.warn({ horizonMs, blockingPid }, 'an open transaction keeps events from being sealed');
        },
      });
    } catch (error) {
      if (error instanceof ForkError) {
        log.fatal({ reason: error.message }, 'fork: nothing more is sealed');
        process.exit(2);
      }
      if (error instanceof UnfitBucketError) {
        log.fatal({ reason: error.message }, 'the bucket is refused: nothing is sealed');
        process.exit(1);
      }
      // Once for each kind, not once for each try: a database may be away for long.
      const reason = describeFault(error);
      if (told !== `${reason.name} ${reason.code}`) log.error(reason, 'sealing interrupted');
      told = `${reason.name} ${reason.code}`;
    }
    if (stopping.signal.aborted) return;
    is('interrupted');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
})();

drainOnSignal({
  log,
  ...times,
  onDrain: () => {
    is('draining');
    health.shutdown();
  },
  closers: [
    { name: 'relay', close: () => (stopping.abort(), running) },
    { name: 'database', close: database.close },
    { name: 'health', close: () => healthServer?.close() },
    { name: 'metrics', close: () => closeMetrics?.() },
  ],
});
log.info({ verifierKey: verifierKeyOf(key.name, key.key) }, 'ready');
