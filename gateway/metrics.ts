import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';

export interface Metrics {
  readonly registry: Registry;
  /** `allowed`, or the reason of a refusal. */
  readonly decided: (outcome: string) => void;
  readonly configLoaded: (good: boolean) => void;
  readonly redisUp: (up: boolean) => void;
  readonly lost: (count: number) => void;
}

export const createMetrics = (): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const decisions = new Counter({
    name: 'gateway_decisions_total',
    help: 'Checks by what was decided.',
    labelNames: ['outcome'],
    registers,
  });
  const loads = new Counter({
    name: 'gateway_config_loads_total',
    help: 'Configurations read, by whether they are in use.',
    labelNames: ['result'],
    registers,
  });
  const current = new Gauge({
    name: 'gateway_config_current',
    help: '1 while the files as they are now are in use, 0 while they are refused.',
    registers,
  });
  const redis = new Gauge({ name: 'gateway_redis_up', help: '1 while Redis answers.', registers });
  const lost = new Counter({ name: 'gateway_audit_lost_total', help: 'Refusals that did not get into the audit trail.', registers });
  return {
    registry,
    decided: (outcome) => decisions.inc({ outcome }),
    configLoaded: (good) => {
      loads.inc({ result: good ? 'loaded' : 'refused' });
      current.set(good ? 1 : 0);
    },
    redisUp: (up) => redis.set(up ? 1 : 0),
    lost: (count) => lost.inc(count),
  };
};
