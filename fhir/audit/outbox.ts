import { FhirError } from '../http/outcome.ts';
import { createGather } from '../store/gather.ts';
import { type Db, type Sql, joinJson, jsonTexts } from '../store/pool.ts';
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

const INSERT = `insert into audit.event (body) select unnest(${jsonTexts(1)})`;

/**
 * Events of reads within a transaction, stored on its own connection: they are durable when it is, before anything is answered. A second
 * connection is not asked for, since all of them may be held by transactions that wait for just that.
 */
export const outboxWithin = (db: Db): Outbox => ({
  append: async (body) => {
    await db.unsafe(INSERT, [joinJson([body])], { prepare: true });
  },
  close: () => Promise.resolve(),
});

/** What too many waiting events are refused with. */
export const tooManyEvents = (): FhirError =>
  new FhirError('unavailable', 'too many audit events are waiting: repeat the request later', { headers: { 'retry-after': '1' } });

/** Events that come without data, committed together where they come together. */
export const createOutbox = (sql: Sql, { lanes = 1, maxBatch = 512, maxQueue = 20_000 }: OutboxOptions = {}): Outbox => {
  const { submit, drain } = createGather<string, void>({
    flush: async (events) => {
      await commitStatement(sql, INSERT, [joinJson(events)]);
      return [];
    },
    lanes,
    maxBatch,
    maxQueue,
    tooMany: tooManyEvents,
  });
  return { append: submit, close: drain };
};
