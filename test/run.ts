/**
 * Runs the tests, one process per file, and ends with `N passed, N failed` alone on a line. A file that runs no test, hangs or ends with
 * an error counts as failed. One PostgreSQL and one Valkey serve the whole run; everything is stopped and removed at its end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { createGuardian } from '../local/guardian.ts';
import { onNpmGone } from '../local/parent-watch.ts';
import { PROJECT } from '../local/toolchain.ts';
import { POSTGRES_VARIABLE, startPostgres } from './support/postgres.ts';
import { VALKEY_VARIABLE, startValkey } from './support/valkey.ts';

const CHECKS: readonly (readonly [string, ...string[]])[] = [
  ['tsc', '--noEmit'],
  ['oxlint', '--deny-warnings'],
  ['oxfmt', '--check', '.'],
];
/** Kinds of tests in the order they run; `atOnce` files at a time, `limitMs` each; `servers`: they need PostgreSQL and Valkey. */
const KINDS = [
  { kind: 'unit', atOnce: 2, limitMs: 120_000, servers: false },
  { kind: 'integration', atOnce: 2, limitMs: 300_000, servers: true },
  { kind: 'e2e', atOnce: 1, limitMs: 600_000, servers: true },
  { kind: 'fault', atOnce: 1, limitMs: 900_000, servers: true },
];

process.chdir(PROJECT);
const USAGE = `npm test -- [--check] [PART OF A PATH …]

  --check   type check, lint and format check first, counted like tests`;
const args = process.argv.slice(2);
// An option that is none must not run everything.
if (args.some((arg) => arg.startsWith('--') && arg !== '--check')) {
  console.log(USAGE);
  process.exit(args.includes('--help') ? 0 : 2);
}
const parts = args.filter((arg) => !arg.startsWith('--'));
const plan = KINDS.map((kind) => ({
  ...kind,
  files: globSync(`test/${kind.kind}/**/*.test.ts`)
    .sort()
    .filter((file) => parts.length === 0 || parts.some((part) => file.includes(part))),
}));

const temporary = mkdtempSync(join(tmpdir(), 'portcullis-'));
process.env['TMPDIR'] = temporary;
const guardian = createGuardian();
const running = new Set<ChildProcess>();
const closers: (() => Promise<void>)[] = [];
let passed = 0;
let failed = 0;

/** A test file leads a process group, so that nothing that it started is left running when it hangs. */
const signalGroup = ({ pid }: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid!, signal);
  } catch {
    // It is gone already.
  }
};

/** Runs a command to its end; returns its exit code and everything that it printed. */
const run = async (command: string, options: readonly string[], limitMs: number): Promise<{ code: number; output: string }> => {
  const child = spawn(command, options, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  running.add(child);
  guardian.watch(child.pid!, 'SIGTERM');
  let late = '';
  const timer = setTimeout(() => {
    late = `\nstopped after ${limitMs / 1000} s\n`;
    signalGroup(child, 'SIGTERM');
    setTimeout(() => signalGroup(child, 'SIGKILL'), 12_000).unref();
  }, limitMs);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close') as Promise<[number | null]>]);
  clearTimeout(timer);
  guardian.forget(child.pid!);
  running.delete(child);
  return { code: late ? 1 : (code ?? 1), output: out + err + late };
};

const report = (name: string, bad: boolean, startedAt: number, output: string): void => {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(bad ? `FAIL ${name} (${seconds} s)\n${output}` : `ok   ${name} (${seconds} s)`);
};

const check = async ([tool, ...options]: readonly [string, ...string[]]): Promise<void> => {
  const startedAt = performance.now();
  const { code, output } = await run(join(PROJECT, 'node_modules/.bin', tool), options, 300_000);
  if (code === 0) passed++;
  else failed++;
  report([tool, ...options].join(' '), code !== 0, startedAt, output);
};

const testFile = async (file: string, limitMs: number): Promise<void> => {
  const startedAt = performance.now();
  const { code, output } = await run(process.execPath, [file], limitMs);
  const count = (label: string): number => Number(new RegExp(`${label}:\\s+(\\d+)`).exec(output)?.[1] ?? 0);
  const missed = count('Total') - count('Passed');
  // A hook that throws leaves uvu with exit code 0 and tests that never ran.
  const bad = code === 0 && count('Total') > 0 && missed === 0 ? 0 : Math.max(1, missed);
  passed += count('Passed');
  failed += bad;
  const why =
    code !== 0 ? '' : count('Total') === 0 ? 'it ran no test: is test.run() missing?' : 'tests did not run: a hook of theirs failed';
  report(file, bad > 0, startedAt, `${output}\n${why}`);
};

const inParallel = async <T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> => {
  const queue = items.values();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const item of queue) await work(item);
    }),
  );
};

const startServers = async (): Promise<void> => {
  const postgres = await startPostgres(guardian);
  closers.push(postgres.stop);
  const valkey = await startValkey({ guardian });
  closers.push(valkey.stop);
  process.env[POSTGRES_VARIABLE] = postgres.shared;
  process.env[VALKEY_VARIABLE] = JSON.stringify({ url: valkey.url, pid: valkey.pid });
};

const cleanUp = async (): Promise<void> => {
  await Promise.allSettled(closers.map((close) => close()));
  rmSync(temporary, { recursive: true, force: true });
};

let stopping = false;
const abort = async (): Promise<void> => {
  if (stopping) return;
  stopping = true;
  for (const child of running) signalGroup(child, 'SIGTERM');
  const end = performance.now() + 10_000;
  while (running.size > 0 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  for (const child of running) signalGroup(child, 'SIGKILL');
  await cleanUp();
  process.exit(130);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void abort());
process.on('disconnect', () => void abort());
onNpmGone(() => void abort());

try {
  if (args.includes('--check')) await inParallel(CHECKS, 2, check);
  if (plan.every(({ files }) => files.length === 0)) {
    failed++;
    console.log(`no test file's path contains ${parts.join(' or ')}`);
  }
  for (const { files, atOnce, limitMs, servers } of plan) {
    if (files.length === 0) continue;
    if (servers && closers.length === 0) await startServers();
    await inParallel(files, atOnce, (file) => testFile(file, limitMs));
  }
} catch (error) {
  failed++;
  console.log(error);
}
if (!stopping) {
  await cleanUp();
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
