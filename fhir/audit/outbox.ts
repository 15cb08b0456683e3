import { FhirError } from '../http/outcome.ts';
import { type Db, type Sql, textArray } from '../store/pool.ts';
import { commitStatement } from './verified-commit.ts';

export interface OutboxOptions {
  /** Flushes in flight at once. */
  readonly lanes?: number;
  /** Events in one flush. */
  readonly maxBatch?: number;
  /** Events that may wait; more are refused with 503. */
  readonly maxQueue?: number;
}

export interface Outbox {
  /** Resolves when the event is committed; rejects with 503 where too many wait, or with the database's error. */
  append(body: string): Promise<void>;
  /** Resolves when nothing waits any more. */
  close(): Promise<void>;
}

interface Waiting {
  readonly body: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const INSERT = 'insert into audit.event (body) select unnest($1::text[])';

/**
 * Events of reads within a transaction, stored on its own connection: they are durable when it is, before anything is answered. A second
 * connection is not asked for, since all of them may be held by transactions that wait for just that.
 */
export const outboxWithin = (db: Db): Outbox => ({
  append: async (body) => {
    await db.unsafe(INSERT, [textArray([body])], { prepare: true });
  },
  close: () => Promise.resolve(),
});

/**
 * Group commit for events that come without data: while flushes are in flight, what arrives gathers for the next one. There is no timer:
 * alone, an event is written at once; under load, one commit carries many.
 */
export const createOutbox = (sql: Sql, { lanes = 1, maxBatch = 512, maxQueue = 20_000 }: OutboxOptions = {}): Outbox => {
  const queue: Waiting[] = [];
  let running = 0;
  let idle: (() => void)[] = [];

  const flush = async (batch: readonly Waiting[]): Promise<void> => {
    try {
      await commitStatement(sql, INSERT, [textArray(batch.map(({ body }) => body))]);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
  };

  const pump = (): void => {
    while (running < lanes && queue.length > 0) {
      running++;
      void flush(queue.splice(0, maxBatch)).finally(() => {
        running--;
        pump();
      });
    }
    if (running === 0) {
      for (const resolve of idle) resolve();
      idle = [];
    }
  };

  return {
    append: (body) =>
      new Promise((resolve, reject) => {
        if (queue.length >= maxQueue) {
          reject(
            new FhirError('unavailable', 'too many audit events are waiting: repeat the request later', {
              headers: { 'retry-after': '1' },
            }),
          );
          return;
        }
        queue.push({ body, resolve, reject });
        pump();
      }),
    close: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        pump();
      }),
  };
};
