import { setTimeout as sleep } from 'node:timers/promises';
import { isQuiet, raiseFence } from '../../search-parameter/parameter-table.ts';
import { type JobContext, JobLost } from '../job.ts';

/** Four times what a process needs to learn of a new plan, so that hardly any write is refused by the fence. */
const ANNOUNCED_MS = 2000;
const POLL_MS = 100;

/** Returns when every write that is stored from now on, and every one that was begun before, has its rows by the plan `version` at least. */
export const untilFenced = async ({ server, job, signal }: JobContext, version: number): Promise<void> => {
  await sleep(ANNOUNCED_MS, undefined, { signal });
  const raised = await raiseFence(server.db, version);
  while (!(await isQuiet(server.db, raised))) {
    if (signal.aborted) throw new JobLost(job.id);
    await sleep(POLL_MS, undefined, { signal });
  }
};
