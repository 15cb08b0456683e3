/** The load of pods/load.mjs as seen from outside: phases are entered and what came of them is read at the end. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { ClientPod, Edge } from './client-pod.ts';
import { NODE } from './client-pod.ts';
import { keepTrack } from './command.ts';

export interface Failure {
  readonly what: string;
  readonly worker: string;
  readonly at: string;
  /** Since the phase began. */
  readonly startedMs: number;
  readonly tookMs: number;
  readonly error: string;
}

export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly sent: number;
  readonly ok: number;
  readonly failed: number;
  /** Tries that found nobody to connect to, so that nothing was sent. */
  readonly unconnected: number;
  /** Connections that were opened. */
  readonly opened: number;
  /** Answers that said that their connection ends, and GOAWAYs. */
  readonly told: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly failures: readonly Failure[];
}

export interface LoadResult {
  readonly phases: readonly Phase[];
  /** Writes that were answered: id and version. */
  readonly acknowledged: readonly (readonly [id: string, version: number])[];
  /** Writes without an answer: `create` with its identifier, `update` with its id. */
  readonly uncertain: readonly (readonly [what: string, key: string])[];
}

export interface Load {
  /** Returns, in words, what the phase that ends here has seen so far. */
  readonly enter: (phase: string, options?: { readonly isLenient?: boolean }) => Promise<string>;
  readonly stop: () => Promise<LoadResult>;
}

const ONE_MOMENT_MS = 500;

/** Whether there is one moment, give or take half a second, at which all of them were under way. */
export const wereTogether = (failures: readonly Pick<Failure, 'startedMs' | 'tookMs'>[]): boolean => {
  const began = Math.max(...failures.map(({ startedMs }) => startedMs));
  const ended = Math.min(...failures.map(({ startedMs, tookMs }) => startedMs + tookMs));
  return failures.length === 0 || began <= ended + ONE_MOMENT_MS;
};

export interface LoadOptions {
  readonly pod: ClientPod;
  readonly edge: Edge;
  readonly client: string;
  readonly perSecond: number;
  /** Callers over HTTP/1.1, and as many over HTTP/2. */
  readonly callers: number;
  readonly run: string;
}

export const startLoad = ({ pod, edge, client, perSecond, callers, run }: LoadOptions): Load => {
  const args = ['-n', pod.space.name, 'exec', '-i', pod.name, '-c', 'main', '--', NODE, '/run/scripts/load.mjs'];
  const child = spawn('kubectl', args, { stdio: ['pipe', 'pipe', 'pipe'] });
  keepTrack(child);
  const words: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => words.push(chunk.toString()));
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const say = (line: string): void => void child.stdin.write(`${line}\n`);
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the load ended early: ${words.join('').slice(-1000)}`);
    return value;
  };
  const options = { ...edge, tls: `/run/clients/${client}`, rate: perSecond, http1: callers, http2: callers, run };
  say(JSON.stringify(options));
  return {
    enter: async (phase, { isLenient = false } = {}) => {
      say(`phase ${phase}${isLenient ? ' lenient' : ''}`);
      return (JSON.parse(await next()) as { left: string }).left;
    },
    stop: async () => {
      say('stop');
      const result = JSON.parse(await next()) as LoadResult;
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'close');
      return result;
    },
  };
};
