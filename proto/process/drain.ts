import { setTimeout as sleep } from 'node:timers/promises';
import type { EnvReader } from './env.ts';
import type { Logger } from './log.ts';

export interface Closer {
  readonly name: string;
  readonly close: () => unknown;
}

export interface DrainOptions {
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Called at once: says to everyone that no work may be given to this process any more. */
  readonly onDrain: () => void;
  /** So long work is still taken, until those who give it have heard. */
  readonly delayMs: number;
  /** Called in order, each after the one before it has finished. */
  readonly closers: readonly Closer[];
  /** The process leaves with code 1 when all of this takes longer. */
  readonly deadlineMs: number;
}

export type DrainTimes = Pick<DrainOptions, 'delayMs' | 'deadlineMs'>;

/** DRAIN_DELAY_SECONDS and DRAIN_SECONDS. */
export const drainTimes = (env: EnvReader): DrainTimes => {
  const delay = env.integer('DRAIN_DELAY_SECONDS', 0, { min: 0, max: 3600 });
  const deadline = env.integer('DRAIN_SECONDS', 8, { min: 1, max: 86_400 });
  if (delay >= deadline)
    throw new Error(
      `DRAIN_SECONDS=${deadline} is the end of everything: give more than DRAIN_DELAY_SECONDS=${delay}, which is a part of it`,
    );
  return { delayMs: delay * 1000, deadlineMs: deadline * 1000 };
};

/** Closes everything on the first SIGTERM or SIGINT and then exits with 0; a second signal exits at once. */
export const drainOnSignal = ({ log, onDrain, delayMs, closers, deadlineMs }: DrainOptions): void => {
  let draining = false;
  const drain = async (signal: NodeJS.Signals): Promise<void> => {
    if (draining) process.exit(1);
    draining = true;
    log.info({ signal }, 'draining');
    setTimeout(() => {
      log.error({ deadlineMs }, 'drain took too long');
      process.exit(1);
    }, deadlineMs).unref();
    onDrain();
    await sleep(delayMs);
    let code = 0;
    for (const { name, close } of closers) {
      try {
        await close();
      } catch (error) {
        code = 1;
        log.error({ name, err: error }, 'close failed');
      }
    }
    log.info('stopped');
    process.exit(code);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void drain(signal));
};
