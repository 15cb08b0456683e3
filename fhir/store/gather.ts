export interface GatherOptions<Item, Result> {
  /** Does some together, and answers for each in its place; where it throws, all of them have failed. */
  readonly flush: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Flushes in flight at once. */
  readonly lanes: number;
  /** Items in one flush. */
  readonly maxBatch: number;
  /** Items that may wait; more are refused by what this makes. */
  readonly maxQueue: number;
  readonly tooMany: () => Error;
  /** A flush that takes longer holds nobody else up, as long as there are fewer than `moreLanes`; Infinity by default. */
  readonly overdueMs?: number;
  readonly moreLanes?: number;
}

export interface Gather<Item, Result> {
  submit(item: Item): Promise<Result>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Group commit: while flushes are in flight, what arrives gathers for the next one. No timer makes anybody wait: alone, an item is flushed
 * within the turn of the event loop that it came in; under load, one flush carries many.
 */
export const createGather = <Item, Result>({
  flush,
  lanes,
  maxBatch,
  maxQueue,
  tooMany,
  overdueMs = Infinity,
  moreLanes = lanes,
}: GatherOptions<Item, Result>): Gather<Item, Result> => {
  const queue: Waiting<Item, Result>[] = [];
  /** When those in flight began. */
  const running = new Set<{ readonly begun: number }>();
  let isPumping = false;
  let overdue: NodeJS.Timeout | undefined;
  let idle: (() => void)[] = [];

  const run = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await flush(batch.map(({ item }) => item));
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(results[i]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const hasLane = (): boolean => {
    if (running.size < lanes) return true;
    if (running.size >= moreLanes) return false;
    const since = performance.now() - overdueMs;
    let inTime = 0;
    for (const { begun } of running) if (begun > since) inTime++;
    return inTime < lanes;
  };

  const pump = (): void => {
    while (queue.length > 0 && hasLane()) {
      const flight = { begun: performance.now() };
      running.add(flight);
      void run(queue.splice(0, maxBatch)).finally(() => {
        running.delete(flight);
        pump();
      });
    }
    if (queue.length > 0 && running.size < moreLanes && overdue === undefined) {
      overdue = setTimeout(() => {
        overdue = undefined;
        pump();
      }, overdueMs);
    }
    if (running.size === 0 && queue.length === 0) {
      for (const resolve of idle) resolve();
      idle = [];
    }
  };

  /** At the end of the turn, so that what comes in one turn goes together. */
  const soon = (): void => {
    if (isPumping) return;
    isPumping = true;
    setImmediate(() => {
      isPumping = false;
      pump();
    });
  };

  return {
    submit: (item) =>
      new Promise((resolve, reject) => {
        if (queue.length >= maxQueue) {
          reject(tooMany());
          return;
        }
        queue.push({ item, resolve, reject });
        soon();
      }),
    drain: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        pump();
      }),
  };
};
