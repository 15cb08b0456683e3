/** The audit relay as a process; its settings are environment variables (README.md). */
import { readFileSync } from 'node:fs';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { drainOnSignal } from '../../proto/process/drain.ts';
import { readEnv } from '../../proto/process/env.ts';
import { startHealth } from '../../proto/process/health.ts';
import { createLog } from '../../proto/process/log.ts';
import { serveMetrics } from '../../proto/process/metrics.ts';
import { describeFault } from '../http/fault.ts';
import { createPool } from '../store/pool.ts';
import { openBucket } from './bucket.ts';
import { createRelay } from './relay.ts';
import { type FaultPoint, ForkError } from './sealer.ts';
import { parseSigningKey } from './signing-key.ts';

const log = createLog('audit relay');
const env = readEnv();
const key = parseSigningKey(readFileSync(env.text('AUDIT_SIGNING_KEY', 'the file with the key that signs checkpoints'), 'utf8'));
const bucket = openBucket(env.text('AUDIT_BUCKET', 'the folder that sealed events are put into'));
const sql = createPool(env.text('DATABASE_URL', 'the address of the database, for the role audit_relay'), {
  max: 3,
  application: 'audit relay',
});

const registry = new Registry();
collectDefaultMetrics({ register: registry });
const registers = [registry];
const lag = new Histogram({
  name: 'audit_sealed_lag_seconds',
  help: 'From an event being recorded to its being sealed.',
  buckets: [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 30, 300],
  registers,
});
const unsealed = new Gauge({
  name: 'audit_unsealed_events',
  help: 'Events below the horizon that wait to be sealed, as far as they were read.',
  registers,
});
const leading = new Gauge({ name: 'audit_relay_leading', help: '1 while this relay seals.', registers });

// For tests of crashes: dies at the named point, as if by kill -9.
const faultAt = env.optional('AUDIT_FAULT') as FaultPoint | undefined;

const relay = createRelay({
  sql,
  bucket,
  key,
  log,
  ...(faultAt !== undefined && {
    fault: (point: FaultPoint) => {
      if (point === faultAt) process.kill(process.pid, 'SIGKILL');
    },
  }),
  onSealed: (lagsMs, left) => {
    for (const ms of lagsMs) lag.observe(ms / 1000);
    unsealed.set(left);
  },
  onLeading: (value) => leading.set(value ? 1 : 0),
});

const metricsListen = env.optional('METRICS_LISTEN');
const closeMetrics = metricsListen === undefined ? undefined : await serveMetrics(metricsListen, registry);
const healthListen = env.optional('HEALTH_LISTEN');
const health = healthListen === undefined ? undefined : await startHealth(healthListen, ['audit-relay']);

/** Runs until it is stopped; a lost database is waited for, two histories are not: somebody has to look. */
const RETRY_MS = 1000;
const stopping = new AbortController();
const running = (async (): Promise<void> => {
  while (!stopping.signal.aborted) {
    try {
      await relay.run();
      return;
    } catch (error) {
      if (error instanceof ForkError) {
        log.fatal({ reason: error.message }, 'fork: nothing more is sealed');
        process.exit(2);
      }
      health?.set('audit-relay', false);
      log.error(describeFault(error), 'sealing interrupted');
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      health?.set('audit-relay', true);
    }
  }
})();

drainOnSignal({
  log,
  closers: [
    {
      name: 'relay',
      close: () => {
        stopping.abort();
        relay.stop();
        return running;
      },
    },
    { name: 'health', close: () => health?.close() },
    { name: 'metrics', close: () => closeMetrics?.() },
    { name: 'database', close: () => sql.end({ timeout: 2 }) },
  ],
});
log.info({ key: key.name }, 'ready');
