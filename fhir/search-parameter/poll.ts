import { setTimeout as sleep } from 'node:timers/promises';

/** The longest that closing waits for what is being done. */
const CLOSE_MS = 1000;

/** Does `work` over and over, `everyMs` after its end, until it is closed; what fails is tried again, and told the first time. */
export const poll = (
  work: () => Promise<void>,
  { everyMs, onFault }: { readonly everyMs: number; readonly onFault: (error: unknown) => void },
): { readonly close: () => Promise<void> } => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const run = async (): Promise<void> => {
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await work();
        isFailing = false;
      } catch (error) {
        if (!signal.aborted && !isFailing) onFault(error);
        isFailing = true;
      }
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
  const running = run();
  return {
    close: async () => {
      stopping.abort();
      await Promise.race([running, sleep(CLOSE_MS, undefined, { ref: false })]);
    },
  };
};
