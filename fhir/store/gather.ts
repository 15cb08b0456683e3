export interface GatherOptions<Item, Result> {
  /** Does some together, and answers for each in its place; where it throws, all of them have failed. */
  readonly flush: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Flushes in flight at once. */
  readonly lanes: number;
  /** So many items must wait for one to begin beside another (1). */
  readonly crowd?: number;
  /** Items in one flush. */
  readonly maxBatch: number;
  /** Items that may wait; more are refused by what this makes. */
  readonly maxQueue: number;
  readonly tooMany: () => Error;
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
  crowd = 1,
  maxBatch,
  maxQueue,
  tooMany,
}: GatherOptions<Item, Result>): Gather<Item, Result> => {
  const queue: Waiting<Item, Result>[] = [];
  let running = 0;
  let isPumping = false;
  let idle: (() => void)[] = [];

  const run = async (batch: readonly Waiting<Item, Result>[]): Promise<void> => {
    try {
      const results = await flush(batch.map(({ item }) => item));
      for (let i = 0; i < batch.length; i++) batch[i]!.resolve(results[i]!);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const pump = (): void => {
    while (running < lanes && queue.length >= (running === 0 ? 1 : crowd)) {
      running++;
      void run(queue.splice(0, maxBatch)).finally(() => {
        running--;
        pump();
      });
    }
    if (running === 0) {
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
