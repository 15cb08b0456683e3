import type postgres from 'postgres';
import type { Db } from './pool.ts';

/** A connection that one caller has for itself until it releases it. */
export interface Reserved extends Db {
  /** Settles as `work` does, or rejects when the connection is lost: what was sent on it before may then never be answered. */
  readonly untilLost: <T>(work: Promise<T>) => Promise<T>;
  readonly release: () => void;
}

interface Single {
  readonly sql: postgres.Sql;
  isLost: boolean;
  /** Who waits for an answer, few at a time. Not a Set: one that statements come to and leave makes new tables all the time. */
  readonly waiting: ((error: Error) => void)[];
  /** Statements that are not answered yet, and the tick at which the last one was, or the first one sent. */
  asked: number;
  sinceTick: number;
}

/** So long, in ticks, may the server be silent beyond its own timeout. */
const GRACE_TICKS = 5;
const TICK_MS = 1000;

/**
 * Counted rather than read from a clock: a statement costs nothing, and while this process itself stands still nobody is late. One timer for
 * all connections.
 */
const clock = { tick: 0 };
const watched = new Set<() => void>();
let ticking: NodeJS.Timeout | undefined;
const watch = (look: () => void): (() => void) => {
  watched.add(look);
  ticking ??= setInterval(() => {
    clock.tick++;
    for (const each of watched) each();
  }, TICK_MS).unref();
  return () => {
    watched.delete(look);
    if (watched.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
};

const lostError = (): Error => Object.assign(new Error('the database connection was lost'), { code: 'CONNECTION_CLOSED' });

// Not Promise.race with a promise of the loss: that would keep every answer until the connection is lost (150 MB after 50,000 requests).
const untilLost = <T>(single: Single, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    if (single.isLost) reject(lostError());
    single.waiting.push(reject);
    const stopWaiting = (): void => {
      const place = single.waiting.indexOf(reject);
      if (place !== -1) single.waiting.splice(place, 1);
    };
    work.then(
      (value) => {
        stopWaiting();
        resolve(value);
      },
      (error: Error) => {
        stopWaiting();
        reject(error);
      },
    );
  });

/** What a query of postgres.js 3.4.9 holds of what was sent. */
interface SentQuery {
  args: readonly unknown[];
  parameters: readonly unknown[];
}
const NOTHING: readonly unknown[] = [];

/**
 * Sends a statement, and notes that the server owes an answer. The rows are taken out of postgres.js' result, and the parameters out of its
 * query: V8 puts a function that is assigned to a property where it is written (`this.resolve = x => ...` in its constructor of queries)
 * among old objects at once, and that one keeps its query, with all that this holds, until the next full collection. Reads grew the heap by
 * 10 MB per second so.
 */
const ask = async <T extends readonly (object | undefined)[]>(
  single: Single,
  ...statement: Parameters<postgres.Sql['unsafe']>
): Promise<postgres.RowList<T>> => {
  if (single.asked++ === 0) single.sinceTick = clock.tick;
  const query = single.sql.unsafe<(object | undefined)[]>(...statement);
  try {
    const result = await untilLost(single, query);
    const { count, command } = result;
    return Object.assign(result.splice(0), { count, command }) as unknown as postgres.RowList<T>;
  } finally {
    const sent = query as unknown as SentQuery;
    sent.args = NOTHING;
    sent.parameters = NOTHING;
    single.asked--;
    single.sinceTick = clock.tick;
  }
};

/**
 * Connections, each an instance of postgres.js with one, and none used again after it was lost. A connection that postgres.js (3.4.9) opens
 * again may hang for good: bytes of a statement that was sent as it broke stay in its buffer, the new greeting is put behind them and never
 * written. Killing PostgreSQL under load left requests waiting for 60 s and more; its own `reserve()` has the same fault.
 *
 * One whose server is silent for longer than `statementTimeoutMs`, by which it would have ended the statement itself, and five seconds, is
 * given up: the network between may have gone without a word, and TCP would wait for a quarter of an hour.
 */
export const createReserve = (
  { max, statementTimeoutMs }: { readonly max: number; readonly statementTimeoutMs: number },
  connect: (onclose: () => void) => postgres.Sql,
): { reserve: () => Promise<Reserved>; waiting: () => number; end: (options?: { timeout?: number }) => Promise<void> } => {
  const all = new Set<Single>();
  const idle: Single[] = [];
  const waiting: ((single: Single) => void)[] = [];

  const lose = (single: Single): void => {
    single.isLost = true;
    for (const reject of single.waiting) reject(lostError());
    single.waiting.length = 0;
  };

  const patienceTicks = Math.ceil(statementTimeoutMs / TICK_MS) + GRACE_TICKS;
  const unwatch = watch(() => {
    for (const single of all) {
      if (single.isLost || single.asked === 0 || clock.tick - single.sinceTick <= patienceTicks) continue;
      lose(single);
      void single.sql.end({ timeout: 0 });
    }
  });

  const open = (): Single => {
    const single: Single = { isLost: false, waiting: [], asked: 0, sinceTick: 0, sql: connect(() => lose(single)) };
    all.add(single);
    return single;
  };

  const take = (): Single | undefined => {
    for (let single = idle.pop(); single !== undefined; single = idle.pop()) {
      if (!single.isLost) return single;
      drop(single);
    }
    return all.size < max ? open() : undefined;
  };

  const drop = (single: Single): void => {
    all.delete(single);
    void single.sql.end({ timeout: 0 });
  };

  const giveBack = (single: Single): void => {
    if (single.isLost) drop(single);
    else idle.push(single);
    if (waiting.length === 0) return;
    const next = take();
    if (next !== undefined) waiting.shift()!(next);
  };

  return {
    reserve: async () => {
      const single = take() ?? (await new Promise<Single>((resolve) => waiting.push(resolve)));
      let released = false;
      return {
        unsafe: (...statement) => ask(single, ...statement),
        untilLost: (work) => untilLost(single, work),
        release: () => {
          if (released) return;
          released = true;
          giveBack(single);
        },
      };
    },
    waiting: () => waiting.length,
    end: async (options) => {
      unwatch();
      await Promise.all([...all].map(({ sql }) => sql.end(options)));
    },
  };
};
