import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { RequestSource } from './mode.ts';
import type { TransportOptions } from './transport.ts';

/** What one thread is told; plain data. */
export interface LoadJob {
  readonly transport: TransportOptions;
  readonly source: RequestSource;
  readonly callers: number;
  readonly firstCaller: number;
  /** Ends after so many requests; without it, when it is told. */
  readonly count?: number | undefined;
}

export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly entries: number;
  readonly firstFailure?: string | undefined;
  readonly wallMs: number;
  /** Nanoseconds. */
  readonly latency: RecordableHistogram;
}

export interface LoadOptions {
  readonly transport: TransportOptions;
  readonly source: RequestSource;
  readonly threads: number;
  readonly warmupMs: number;
  readonly durationMs: number;
  /** Goes by number instead of by time. */
  readonly count?: number | undefined;
  /** Called when the measured time begins and ends, while the load goes on. */
  readonly onBegin: () => void;
  readonly onEnd: () => void;
}

const start = (job: LoadJob): { worker: Worker; result: Promise<LoadResult> } => {
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: job });
  const result = new Promise<LoadResult>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a load thread ended with code ${code}`)));
  });
  result.catch(() => undefined); // awaited later, together
  return { worker, result };
};

/** Splits `total` into `parts` that differ by one at most. */
const share = (total: number, parts: number): number[] =>
  Array.from({ length: parts }, (_, i) => Math.floor(total / parts) + (i < total % parts ? 1 : 0));

/** Loads a server from threads of its own and returns what they saw, added up. */
export const runLoad = async (options: LoadOptions): Promise<LoadResult> => {
  const { transport, source, warmupMs, durationMs, count, onBegin, onEnd } = options;
  const threads = Math.min(options.threads, transport.callers);
  const callers = share(transport.callers, threads);
  const counts = count === undefined ? undefined : share(count, threads);
  if (counts !== undefined) onBegin();
  const running = callers.map((mine, i) =>
    start({ transport, source, callers: mine, firstCaller: callers.slice(0, i).reduce((sum, each) => sum + each, 0), count: counts?.[i] }),
  );
  const tell = (message: 'measure' | 'stop'): void => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window and has no origin
    for (const { worker } of running) worker.postMessage(message);
  };
  if (counts === undefined) {
    await sleep(warmupMs);
    onBegin();
    tell('measure');
    await sleep(durationMs);
    onEnd();
    tell('stop');
  }
  const results = await Promise.all(running.map(({ result }) => result));
  if (counts !== undefined) onEnd();
  const latency = createHistogram({ figures: 3 });
  for (const each of results) if (each.requests > 0) latency.add(each.latency);
  const sum = (of: (result: LoadResult) => number): number => results.reduce((total, each) => total + of(each), 0);
  return {
    requests: sum((each) => each.requests),
    failures: sum((each) => each.failures),
    entries: sum((each) => each.entries),
    firstFailure: results.find(({ firstFailure }) => firstFailure !== undefined)?.firstFailure,
    wallMs: Math.max(...results.map(({ wallMs }) => wallMs)),
    latency,
  };
};
