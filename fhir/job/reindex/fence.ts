import { setTimeout as sleep } from 'node:timers/promises';
import { isQuiet, type Moment, raiseFence, readMoment } from '../../search-parameter/parameter-table.ts';
import { ageOfJobMs } from '../job-table.ts';
import { type JobContext, JobLost } from '../job.ts';

/**
 * Four times what a process needs to learn of a new plan, so that hardly any write is refused by the fence. A job is asked for with its
 * plan: of several parameters that are written together only the first waits so long.
 */
const ANNOUNCED_MS = 2000;
const POLL_MS = 100;

/** Returns when every write that is stored from now on, and every one that was begun before, has its rows by the plan `version` at least. */
export const untilFenced = async (context: JobContext, version: number): Promise<Moment> => {
  const announcedMs = await ageOfJobMs(context.server.db, context.job.id);
  await sleep(Math.max(0, ANNOUNCED_MS - announcedMs), undefined, { signal: context.signal });
  const raised = await raiseFence(context.server.db, version);
  await untilQuiet(context, raised);
  return raised;
};

/** Returns when all that goes on in the database has begun after now. */
export const untilNew = async (context: JobContext): Promise<void> => untilQuiet(context, await readMoment(context.server.db));

const untilQuiet = async ({ server, job, signal }: JobContext, moment: Moment): Promise<void> => {
  while (!(await isQuiet(server.db, moment))) {
    if (signal.aborted) throw new JobLost(job.id);
    await sleep(POLL_MS, undefined, { signal });
  }
};
