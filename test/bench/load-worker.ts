/** A thread that keeps its callers busy: each sends its next request when the last one is answered. */
import { createHistogram } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadJob, LoadResult } from './load.ts';
import { createRequests } from './mode.ts';
import { openTransport, textOf } from './transport.ts';

const { transport: options, source, callers, firstCaller, count } = workerData as LoadJob;
const port = parentPort!;
const transport = openTransport(options);
// Values to three digits over the whole range, so that a p99 is no guess.
const latency = createHistogram({ figures: 3 });
let measuring = count !== undefined;
const stopping = new AbortController();
let left = count ?? Infinity;
let requests = 0;
let failures = 0;
let entries = 0;
let firstFailure: string | undefined;
let from = performance.now();
let wallMs = 0;

const call = async (caller: number): Promise<void> => {
  const next = createRequests(source, caller);
  while (!stopping.signal.aborted && left-- > 0) {
    const { method, path, body, entries: asked } = next();
    const startedAt = performance.now();
    let failure: string | undefined;
    try {
      const answer = await transport.send(method, path, body);
      if (answer.status < 200 || answer.status > 299) failure = `${answer.status} ${method} ${path} ${textOf(answer).slice(0, 400)}`;
    } catch (error) {
      failure = `${method} ${path} ${(error as Error).message}`;
      // A server that is gone must not be asked a million times.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    if (!measuring) continue;
    requests++;
    latency.record(Math.max(1, Math.round((performance.now() - startedAt) * 1e6)));
    if (failure === undefined) entries += asked;
    else {
      failures++;
      firstFailure ??= failure;
    }
  }
};

port.on('message', (message: 'measure' | 'stop') => {
  if (message === 'measure') {
    measuring = true;
    from = performance.now();
    return;
  }
  measuring = false;
  stopping.abort();
  wallMs = performance.now() - from;
});

await Promise.all(Array.from({ length: callers }, (_, i) => call(firstCaller + i)));
if (wallMs === 0) wallMs = performance.now() - from;
transport.close();
port.postMessage({ requests, failures, entries, firstFailure, wallMs, latency } satisfies LoadResult);
port.close();
