import { randomUUID } from 'node:crypto';
import type { Server } from '../server.ts';
import { createRest } from './rest.ts';
import { type Job, type JobContext, type JobKind, type JobKindName, JobLost, type JobResult } from './job.ts';
import { checkpointJob, claimJob, expiredJobs, finishJob, keepJob, releaseJob, removeJob, scopesOfJob } from './job-table.ts';

export interface RunnerOptions {
  /** With `db`, `sql` and `lane` for the background alone. */
  readonly server: Server;
  readonly kinds: Record<JobKindName, JobKind>;
  /** How long what a job has made is kept. */
  readonly keepMs: number;
  /** Hears of faults; never gets anything that a client sent. */
  readonly onFault: (fault: { readonly job: string; readonly error: unknown }) => void;
  /** A job whose worker hasn't been heard of for so long is taken by another. */
  readonly leaseMs: number;
  readonly pollMs?: number;
}

export interface Runner {
  /** Stops after the batch that is being worked on, and gives the job back. */
  readonly close: () => Promise<void>;
}

/** One job of each of these at a time: somebody who waits for a search shouldn't wait for an import of hours. */
const LANES: readonly (readonly JobKindName[])[] = [['export', 'import'], ['async'], ['reindex', 'contained']];
/** A batch is done by then; a search that isn't is begun again elsewhere, when its lease is over. */
const CLOSE_MS = 3000;
const CLEAN_MS = 60_000;
const MAX_ATTEMPTS = 5;
/** A job that failed for a reason of ours is tried again after so long, times its attempts. */
const RETRY_MS = 5000;

/** Works on one job after another, as long as there are some that nobody works on. */
export const startRunner = ({ server, kinds, keepMs, onFault, leaseMs, pollMs = 1000 }: RunnerOptions): Runner => {
  const owner = randomUUID();
  const stopping = new AbortController();
  const { db } = server;

  const clean = async (): Promise<void> => {
    for (const { id, kind } of await expiredJobs(db)) {
      await kinds[kind].discard(id);
      await removeJob(db, id);
    }
  };

  const work = async (job: Job): Promise<void> => {
    const lost = new AbortController();
    const heartbeat = setInterval(() => {
      keepJob(db, job.id, owner, leaseMs).then(
        (kept) => kept || lost.abort(),
        () => undefined, // the lease outlasts two heartbeats that fail
      );
    }, leaseMs / 3);
    const context: JobContext = {
      server,
      job,
      signal: AbortSignal.any([lost.signal, stopping.signal]),
      scopes: async () => new Map(JSON.parse((await scopesOfJob(db, job.id)) ?? '[]') as [string, number][]),
      rest: createRest(),
      checkpoint: async (state, progress, events = []) => {
        if (!(await checkpointJob(db, job.id, owner, { state: JSON.stringify(state), progress, events }))) throw new JobLost(job.id);
      },
    };
    try {
      const result = await runJob(kinds[job.kind], context, onFault);
      if (result !== undefined) await finishJob(db, job.id, owner, { ...result, keepMs });
      else await releaseJob(db, job.id, owner, stopping.signal.aborted ? 0 : RETRY_MS * job.attempts);
    } finally {
      clearInterval(heartbeat);
    }
  };

  const loop = async (own: readonly JobKindName[]): Promise<void> => {
    let cleanAt = 0;
    while (!stopping.signal.aborted) {
      try {
        if (Date.now() >= cleanAt) {
          cleanAt = Date.now() + CLEAN_MS;
          await clean();
        }
        const job = await claimJob(db, owner, { kinds: own, leaseMs });
        if (job !== undefined) await work(job);
        else await server.jobs.sleep(pollMs, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return;
        onFault({ job: '', error });
        await server.jobs.sleep(pollMs, stopping.signal);
      }
    }
  };

  const running = Promise.all(LANES.map(loop));
  return {
    close: async () => {
      stopping.abort();
      await Promise.race([running, new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())]);
    },
  };
};

/** Undefined where the job is to be tried again, here or elsewhere. */
const runJob = async (kind: JobKind, context: JobContext, onFault: RunnerOptions['onFault']): Promise<JobResult | undefined> => {
  const { job, signal } = context;
  try {
    return await kind.run(context);
  } catch (error) {
    if (error instanceof JobLost || signal.aborted) return undefined;
    onFault({ job: job.id, error });
    if (job.attempts < MAX_ATTEMPTS) return undefined;
    const issue = [
      { severity: 'error', code: 'exception', diagnostics: `the job failed ${MAX_ATTEMPTS} times: tell the operator its id ${job.id}` },
    ];
    return { status: 'failed', result: JSON.stringify({ resourceType: 'OperationOutcome', issue }), events: [] };
  }
};
