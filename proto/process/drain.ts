import type { Logger } from './log.ts';

export interface Closer {
  readonly name: string;
  readonly close: () => unknown;
}

export interface DrainOptions {
  readonly log: Pick<Logger, 'info' | 'error'>;
  /** Called in order, each after the one before it has finished. */
  readonly closers: readonly Closer[];
  /** The process leaves with code 1 when the closers take longer. */
  readonly deadlineMs?: number;
}

/** Closes everything on the first SIGTERM or SIGINT and then exits with 0; a second signal exits at once. */
export const drainOnSignal = ({ log, closers, deadlineMs = 8000 }: DrainOptions): void => {
  let draining = false;
  const drain = async (signal: NodeJS.Signals): Promise<void> => {
    if (draining) process.exit(1);
    draining = true;
    log.info({ signal }, 'draining');
    setTimeout(() => {
      log.error({ deadlineMs }, 'drain took too long');
      process.exit(1);
    }, deadlineMs).unref();
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
