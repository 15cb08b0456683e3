/** Runs kubectl, helm and the image loader: programs of the person who runs the tests, with their own settings. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

export interface CommandOptions {
  readonly input?: string;
  readonly limitMs?: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const running = new Set<ChildProcess>();

/** Ends what is still running; for a harness that was told to stop. */
export const stopCommands = (): void => {
  for (const child of running) child.kill('SIGTERM');
};

/** What is under way outside of {@link tryRun} and must end with it. */
export const keepTrack = (child: ChildProcess): ChildProcess => {
  running.add(child);
  child.once('close', () => running.delete(child));
  return child;
};

/** Runs a program to its end, whatever that is. */
export const tryRun = async (
  command: string,
  args: readonly string[],
  { input = '', limitMs = 180_000, cwd, env }: CommandOptions = {},
): Promise<Result> => {
  const child = spawn(command, args, { stdio: 'pipe', ...(cwd !== undefined && { cwd }), ...(env !== undefined && { env }) });
  keepTrack(child);
  child.stdin.on('error', () => undefined); // it didn't read to the end: its exit code says why
  child.stdin.end(input);
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { code: code ?? -1, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
};

/** What a program printed; throws with its own words when it fails. */
export const run = async (command: string, args: readonly string[], options?: CommandOptions): Promise<string> => {
  const { code, stdout, stderr } = await tryRun(command, args, options);
  if (code === 0) return stdout;
  const words = `${stderr.trim()}\n${stdout.trim()}`.trim().slice(-2000);
  throw new Error(`${command} ${args.slice(0, 6).join(' ')} … ended with ${code}: ${words}`);
};
