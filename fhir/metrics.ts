import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Meter } from './app.ts';
import type { Sql } from './store/pool.ts';

export interface Metrics extends Meter {
  readonly registry: Registry;
}

export interface MetricsSources {
  /** The pool that requests wait for; undefined until there is one. */
  readonly pool: () => Pick<Sql, 'waiting'> | undefined;
  readonly isReady: () => boolean;
  readonly isDatabaseUp: () => boolean;
}

/** A request costs one observation and two additions: what else is told is looked up when somebody asks. */
export const createMetrics = ({ pool, isReady, isDatabaseUp }: MetricsSources): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const duration = new Histogram({
    name: 'fhir_request_duration_seconds',
    help: 'From a request being read to its answer being made, by interaction and class of status; its count is the number of requests.',
    labelNames: ['interaction', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
    registers,
  });
  let inFlight = 0;
  const gauge = (name: string, help: string, value: () => number): void => {
    const told: Gauge = new Gauge({ name, help, registers, collect: () => told.set(value()) });
  };
  gauge('fhir_requests_in_flight', 'Requests that are not answered yet.', () => inFlight);
  gauge('fhir_pool_waiting', 'Requests that wait for a database connection.', () => pool()?.waiting() ?? 0);
  gauge('fhir_ready', '1 while work may be given to this process.', () => Number(isReady()));
  gauge('fhir_database_up', '1 while the database answers.', () => Number(isDatabaseUp()));

  // Looking a child up by its labels builds a text each time; these are few.
  const children = new Map<string, Map<number, Histogram.Internal<'interaction' | 'status'>>>();
  const childOf = (interaction: string, statusClass: number): Histogram.Internal<'interaction' | 'status'> => {
    let ofInteraction = children.get(interaction);
    if (ofInteraction === undefined) children.set(interaction, (ofInteraction = new Map()));
    let child = ofInteraction.get(statusClass);
    if (child === undefined) ofInteraction.set(statusClass, (child = duration.labels(interaction, `${statusClass}xx`)));
    return child;
  };
  return {
    registry,
    begin: () => {
      inFlight++;
      return performance.now();
    },
    end: (startedAt, interaction, status) => {
      inFlight--;
      childOf(interaction, Math.trunc(status / 100)).observe((performance.now() - startedAt) / 1000);
    },
  };
};
