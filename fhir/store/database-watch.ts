import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from './pool.ts';

export interface DatabaseWatch {
  /** As of the last look. */
  readonly isUp: () => boolean;
  readonly close: () => Promise<void>;
}

export interface DatabaseWatchOptions {
  /** A pool of one connection, so that a look never waits behind requests. */
  readonly connect: () => Sql;
  readonly onChange: (up: boolean) => void;
  /** What it counts as until the first look. */
  readonly isUp?: boolean;
  readonly everyMs?: number;
  /** A database that takes longer to answer is gone. */
  readonly limitMs?: number;
}

/** Resolves as `work` does, rejects after `limitMs`. */
export const within = async <T>(limitMs: number, work: Promise<T>): Promise<T> => {
  const done = new AbortController();
  const late = sleep(limitMs, undefined, { signal: done.signal }).then(() => {
    throw new Error(`the database gave no answer within ${limitMs} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    done.abort();
  }
};

/** Looks at once and then again and again whether the database answers. */
export const watchDatabase = ({ connect, onChange, isUp = false, everyMs = 2000, limitMs = 1500 }: DatabaseWatchOptions): DatabaseWatch => {
  const closing = new AbortController();
  let up = isUp;
  let sql: Sql | undefined;
  const look = async (): Promise<boolean> => {
    try {
      sql ??= connect();
      await within(limitMs, sql.unsafe('select 1'));
      return true;
    } catch {
      // The next look takes a new connection: this one may hang for as long as TCP is patient.
      void sql?.end({ timeout: 0 }).catch(() => undefined);
      sql = undefined;
      return false;
    }
  };
  const looking = (async () => {
    while (!closing.signal.aborted) {
      const now = await look();
      if (now !== up && !closing.signal.aborted) onChange((up = now));
      await sleep(everyMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  })();
  return {
    isUp: () => up,
    close: async () => {
      closing.abort();
      await looking;
      await sql?.end({ timeout: 0 });
    },
  };
};
