import { setTimeout as sleep } from 'node:timers/promises';

/** One pause for all senders: a 429 met by one of them holds the others back too. */
export interface Pace {
  /** Resolves when the pause is over, at once when there is none, early when aborted. */
  ready(signal: AbortSignal): Promise<void>;
  /** Begins or prolongs the pause; false when it is longer than anyone would wait for. */
  pause(ms: number): boolean;
}

const LONGEST_MS = 15 * 60_000;

export const createPace = (onPause: (ms: number) => void): Pace => {
  let until = 0;
  return {
    async ready(signal) {
      for (let left = until - Date.now(); left > 0 && !signal.aborted; left = until - Date.now()) {
        await sleep(left, undefined, { signal }).catch(() => undefined);
      }
    },
    pause(ms) {
      if (ms > LONGEST_MS) return false;
      until = Math.max(until, Date.now() + ms);
      onPause(ms);
      return true;
    },
  };
};
