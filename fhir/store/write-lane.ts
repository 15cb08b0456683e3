import { Audited } from '../audit/audited.ts';
import { commitStatement } from '../audit/verified-commit.ts';
import { FhirError } from '../http/outcome.ts';
import { isRefusal } from './errors.ts';
import type { Sql } from './pool.ts';
import { type Write, writeStatement } from './write-statement.ts';

/** Writes that are stored together or not at all, with events that belong to no write. */
interface Job {
  readonly writes: readonly Write[];
  readonly events: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface WriteLaneOptions {
  /** Commits in flight at once. */
  readonly lanes?: number;
  /** Resources in one commit; a larger job has one of its own. */
  readonly maxWrites?: number;
  /** Jobs that may wait; more are refused with 503. */
  readonly maxQueue?: number;
}

export interface WriteLane {
  /** Resolves when data and events are committed. Rejects with nothing stored where a resource has moved on (errors.ts, isRetryable). */
  submit(writes: readonly Write[], events?: readonly string[]): Promise<Audited>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

const keyOf = (write: Write): string => `${write.typeId}/${write.id}`;

/**
 * Group commit: while some commits are in flight, what arrives gathers and becomes one statement in one transaction, so that the cost
 * of a commit is shared under load and nobody waits for it without load. Two jobs for one resource never share a commit.
 */
export const createWriteLane = (sql: Sql, { lanes = 2, maxWrites = 128, maxQueue = 4096 }: WriteLaneOptions = {}): WriteLane => {
  let queue: Job[] = [];
  let running = 0;
  const inFlight = new Set<string>();
  let idle: (() => void)[] = [];

  const take = (): Job[] => {
    const taken: Job[] = [];
    const left: Job[] = [];
    let size = 0;
    for (const job of queue) {
      const fits = taken.length === 0 || size + job.writes.length <= maxWrites;
      if (fits && job.writes.every((write) => !inFlight.has(keyOf(write)))) {
        for (const write of job.writes) inFlight.add(keyOf(write));
        size += job.writes.length;
        taken.push(job);
      } else left.push(job);
    }
    queue = left;
    return taken;
  };

  const commit = async (jobs: readonly Job[]): Promise<void> => {
    const statement = writeStatement(
      jobs.flatMap((job) => job.writes),
      jobs.flatMap((job) => job.events),
    );
    await commitStatement(sql, statement.text, statement.parameters);
  };

  const run = async (jobs: readonly Job[]): Promise<void> => {
    try {
      await commit(jobs);
      for (const job of jobs) job.resolve();
    } catch (error) {
      // Only a refusal says that nothing was stored. After a lost connection nobody knows, and a second try could store an event twice.
      if (jobs.length === 1 || !isRefusal(error)) for (const job of jobs) job.reject(error);
      else for (const job of jobs) await run([job]);
    }
  };

  const pump = (): void => {
    while (running < lanes && queue.length > 0) {
      const jobs = take();
      if (jobs.length === 0) break;
      running++;
      void run(jobs).finally(() => {
        running--;
        for (const job of jobs) for (const write of job.writes) inFlight.delete(keyOf(write));
        pump();
      });
    }
    if (running === 0 && queue.length === 0) {
      for (const resolve of idle) resolve();
      idle = [];
    }
  };

  return {
    submit: (writes, events = []) =>
      Audited.after(
        new Promise<void>((resolve, reject) => {
          if (queue.length >= maxQueue) {
            reject(new FhirError('unavailable', 'too many writes are waiting: repeat this one later', { headers: { 'retry-after': '1' } }));
            return;
          }
          queue.push({ writes, events, resolve, reject });
          pump();
        }),
      ),
    drain: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        pump();
      }),
  };
};
