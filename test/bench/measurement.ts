/** One measurement of one side in one mode: a line of results.jsonl. */
import type { BenchArguments } from './arguments.ts';
import { runLoad } from './load.ts';
import type { Mode, RequestSource } from './mode.ts';
import type { Side } from './side.ts';
import { type Usage, usageOf } from './usage.ts';

export interface Measurement {
  readonly at: string;
  readonly side: string;
  readonly mode: Mode;
  readonly patients: number;
  readonly round: number;
  readonly callers: number;
  readonly seconds: number;
  readonly requests: number;
  readonly failures: number;
  readonly firstFailure?: string | undefined;
  /** Answers without a failure; of Bundles their entries. */
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Microseconds for each request (of Bundles: for each entry), by process. */
  readonly cpuUs: Readonly<Record<string, number>>;
  readonly pssMb: Readonly<Record<string, number>>;
  /** CPU that the load generator took; near --threads it is the limit, not the server. */
  readonly generatorCores: number;
}

export interface Task {
  readonly side: Side;
  readonly source: RequestSource;
  readonly patients: number;
  readonly round: number;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
const BUNDLES_LIMIT_MS = 600_000;

export const measure = async ({ side, source, patients, round: number }: Task, options: BenchArguments): Promise<Measurement> => {
  const { callers, threads, http, gzip, duration, warmup, bundles } = options;
  const byCount = source.mode === 'bundle';
  let before: Record<string, Usage> = {};
  let after: Record<string, Usage> = {};
  let own = process.cpuUsage();
  const result = await runLoad({
    transport: { baseUrl: side.baseUrl, tls: side.tls, http, gzip, callers },
    source,
    threads,
    warmupMs: warmup * 1000,
    durationMs: byCount ? BUNDLES_LIMIT_MS : duration * 1000,
    count: byCount ? bundles : undefined,
    onBegin: () => {
      before = usageOf(side.pids);
      own = process.cpuUsage();
    },
    onEnd: () => {
      own = process.cpuUsage(own);
      after = usageOf(side.pids);
    },
  });
  const seconds = result.wallMs / 1000;
  const each = byCount ? result.entries : result.requests;
  const ms = (nanoseconds: number): number => round(result.requests === 0 ? NaN : nanoseconds / 1e6, 3);
  const parts = Object.keys(side.pids);
  return {
    at: new Date().toISOString(),
    side: side.name,
    mode: source.mode,
    patients,
    round: number,
    callers,
    seconds: round(seconds, 2),
    requests: result.requests,
    failures: result.failures,
    firstFailure: result.firstFailure,
    perSecond: round((byCount ? result.entries : result.requests - result.failures) / seconds, 1),
    p50Ms: ms(result.latency.percentile(50)),
    p90Ms: ms(result.latency.percentile(90)),
    p99Ms: ms(result.latency.percentile(99)),
    maxMs: ms(result.latency.max),
    cpuUs: Object.fromEntries(parts.map((part) => [part, round((after[part]!.cpuUs - before[part]!.cpuUs) / Math.max(each, 1), 0)])),
    pssMb: Object.fromEntries(parts.map((part) => [part, round(after[part]!.pssMb, 0)])),
    generatorCores: round((own.user + own.system) / result.wallMs / 1000, 2),
  };
};
