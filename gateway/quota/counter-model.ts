/** What counter.lua does, in TypeScript: the count that a process keeps for itself while Redis is away, and the Lua's test. */

export interface Take {
  readonly key: string;
  /** -1: never refuses. */
  readonly limit: number;
  readonly periodMs: number;
  readonly needed: number;
  /** At least `needed`: what is beyond it is a lease. */
  readonly wanted: number;
}

export interface Taken {
  readonly taken: number;
  readonly remaining: number;
  /** Until the count begins anew. */
  readonly resetMs: number;
}

export interface Answer {
  readonly allowed: boolean;
  readonly counts: readonly Taken[];
}

/** A number and when it is forgotten, per key. */
export type Counts = Map<string, { used: number; readonly endsMs: number }>;

/** Takes from all counts or from none. */
export const take = (counts: Counts, takes: readonly Take[], nowMs: number): Answer => {
  const current = takes.map(({ key }) => {
    const count = counts.get(key);
    return count === undefined || count.endsMs <= nowMs ? undefined : count;
  });
  const allowed = takes.every(({ limit, needed }, i) => limit < 0 || (current[i]?.used ?? 0) + needed <= limit);
  return {
    allowed,
    counts: takes.map(({ key, limit, periodMs, wanted }, i) => {
      let count = current[i];
      let taken = 0;
      if (allowed) {
        taken = limit < 0 ? wanted : Math.min(wanted, limit - (count?.used ?? 0));
        if (count === undefined) counts.set(key, (count = { used: 0, endsMs: nowMs + periodMs }));
        count.used += taken;
      }
      return { taken, remaining: Math.max(limit - (count?.used ?? 0), 0), resetMs: count === undefined ? periodMs : count.endsMs - nowMs };
    }),
  };
};
