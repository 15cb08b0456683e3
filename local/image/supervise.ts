/** Runs a server as the one child of an image's start script, and ends as it ends. Nothing but Node itself is imported here. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';

export interface Supervised {
  readonly command: string;
  readonly args: readonly string[];
  /** Which signal asks it to stop when we are asked by the usual ones. */
  readonly stopSignal: NodeJS.Signals;
  /** Told to it on its standard input, which is then closed. */
  readonly input?: string;
}

/** Starts it; from then on signals are passed on, and its exit is ours (128 + n after signal n, as shells say it). */
export const supervise = ({ command, args, stopSignal, input = '' }: Supervised): ChildProcess => {
  const child = spawn(command, args, { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.on('error', () => undefined); // it ended before it read: its exit says why
  child.stdin.end(input);
  child.once('error', (error) => fail(`couldn't start ${command}: ${error.message}`));
  child.once('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal!]));
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal === 'SIGTERM' ? stopSignal : signal));
  process.on('SIGHUP', () => child.kill('SIGHUP')); // read the configuration again
  return child;
};

/** One line for whoever reads the pod's log, and the end. */
export const fail = (msg: string): never => {
  process.stderr.write(`${JSON.stringify({ level: 60, msg })}\n`);
  process.exit(1);
};
