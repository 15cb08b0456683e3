/** Starts long-running programs, each with its own log file and process group, and stops them for certain. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Guardian } from './guardian.ts';

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** File that stdout and stderr are appended to. */
  readonly log: string;
  /** What asks it to stop gently. */
  readonly stopSignal?: NodeJS.Signals;
  readonly guardian?: Guardian;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly exited: Promise<Exit>;
  readonly hasExited: () => boolean;
  /** Asks it to stop and kills it when it still runs after `graceMs`. */
  readonly stop: (graceMs?: number) => Promise<Exit>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** The last lines that this run wrote to its log. */
  readonly tail: (lines?: number) => string;
}

const LOG_LIMIT_BYTES = 16 << 20;
const TAIL_BYTES = 16 << 10;

const openLog = (path: string): { descriptor: number; from: number } => {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
  return { descriptor: openSync(path, 'a', 0o600), from: size > LOG_LIMIT_BYTES ? 0 : size };
};

/** The last lines of a file, of those from byte `from` on. */
export const tailOf = (path: string, lines: number, from = 0): string => {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const start = Math.max(from, size - TAIL_BYTES);
  if (size <= start) return '';
  const buffer = Buffer.alloc(size - start);
  const descriptor = openSync(path, 'r');
  try {
    readSync(descriptor, buffer, 0, buffer.length, start);
  } finally {
    closeSync(descriptor);
  }
  return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n');
};

/** Starts the program; throws when it can't be started at all. */
export const startProcess = async (spec: ProcessSpec): Promise<RunningProcess> => {
  const { name, command, args, log, stopSignal = 'SIGTERM', guardian } = spec;
  const { descriptor, from } = openLog(log);
  let child: ChildProcess;
  try {
    // Its own session: Ctrl-C in the terminal reaches us alone, and we stop the parts in the right order.
    child = spawn(command, args, {
      detached: true,
      stdio: ['ignore', descriptor, descriptor],
      env: spec.env ?? process.env,
      ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    });
  } finally {
    closeSync(descriptor);
  }
  const exited = new Promise<Exit>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (cause) => reject(new Error(`couldn't start ${name} (${command})`, { cause })));
  });
  const pid = child.pid!;
  guardian?.watch(pid, stopSignal);
  void exited.then(() => guardian?.forget(pid));
  const hasExited = (): boolean => child.exitCode !== null || child.signalCode !== null;
  return {
    name,
    pid,
    exited,
    hasExited,
    kill: (signal) => void child.kill(signal),
    stop: async (graceMs = 5000) => {
      if (!hasExited()) child.kill(stopSignal);
      const timer = new AbortController();
      const late = sleep(graceMs, undefined, { signal: timer.signal }).then(
        () => void child.kill('SIGKILL'),
        () => undefined,
      );
      const exit = await exited;
      timer.abort();
      await late;
      return exit;
    },
    tail: (lines = 20) => tailOf(log, lines, from),
  };
};

/** How a program ended, in words. */
export const describeExit = ({ code, signal }: Exit): string => (signal === null ? `exited with code ${code}` : `was killed by ${signal}`);

/** Polls `ready` until it is true; throws with the log's last lines when the program ends or `limitMs` pass before. */
export const waitUntil = async (
  running: RunningProcess,
  ready: () => boolean | Promise<boolean>,
  { limitMs = 30_000, everyMs = 20 }: { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<void> => {
  const end = performance.now() + limitMs;
  for (;;) {
    if (running.hasExited())
      throw new Error(`${running.name} ${describeExit(await running.exited)} while starting; the end of its log:\n${running.tail()}`);
    if (await ready()) return;
    if (performance.now() > end)
      throw new Error(`${running.name} was not ready after ${limitMs / 1000} s; the end of its log:\n${running.tail()}`);
    await sleep(everyMs);
  }
};
