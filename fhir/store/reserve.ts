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
  /** Who waits for an answer. */
  readonly waiting: Set<(error: Error) => void>;
}

const lostError = (): Error => Object.assign(new Error('the database connection was lost'), { code: 'CONNECTION_CLOSED' });

// Not Promise.race with a promise of the loss: that would keep every answer until the connection is lost (150 MB after 50,000 requests).
const untilLost = <T>(single: Single, work: Promise<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    if (single.isLost) reject(lostError());
    single.waiting.add(reject);
    work.then(
      (value) => {
        single.waiting.delete(reject);
        resolve(value);
      },
      (error: Error) => {
        single.waiting.delete(reject);
        reject(error);
      },
    );
  });

/**
 * Connections, each an instance of postgres.js with one, and none used again after it was lost. A connection that postgres.js (3.4.9) opens
 * again may hang for good: bytes of a statement that was sent as it broke stay in its buffer, the new greeting is put behind them and never
 * written. Killing PostgreSQL under load left requests waiting for 60 s and more; its own `reserve()` has the same fault.
 */
export const createReserve = (
  max: number,
  connect: (onclose: () => void) => postgres.Sql,
): { reserve: () => Promise<Reserved>; waiting: () => number; end: (options?: { timeout?: number }) => Promise<void> } => {
  const all = new Set<Single>();
  const idle: Single[] = [];
  const waiting: ((single: Single) => void)[] = [];

  const open = (): Single => {
    const single: Single = {
      isLost: false,
      waiting: new Set(),
      sql: connect(() => {
        single.isLost = true;
        for (const reject of single.waiting) reject(lostError());
        single.waiting.clear();
      }),
    };
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
        unsafe: single.sql.unsafe.bind(single.sql) as unknown as Db['unsafe'],
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
      await Promise.all([...all].map(({ sql }) => sql.end(options)));
    },
  };
};
