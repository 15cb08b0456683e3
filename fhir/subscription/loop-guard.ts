export interface LoopGuard {
  /** Counts one more notification of a resource to a Subscription; true where there were too many within a minute. */
  readonly isTooOften: (key: string) => boolean;
}

const WINDOW_MS = 60_000;
const MOST = 60;
const MAX_KEYS = 100_000;

/** A receiver that writes what it is told of is told of its own write, and so on without end: this ends it. */
export const createLoopGuard = (now: () => number = Date.now): LoopGuard => {
  const counts = new Map<string, { from: number; count: number }>();
  return {
    isTooOften: (key) => {
      const at = now();
      const known = counts.get(key);
      if (known === undefined || at - known.from >= WINDOW_MS) {
        if (counts.size >= MAX_KEYS) counts.clear();
        counts.set(key, { from: at, count: 1 });
        return false;
      }
      return ++known.count > MOST;
    },
  };
};
