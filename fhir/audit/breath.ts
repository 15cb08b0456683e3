import { setTimeout as sleep } from 'node:timers/promises';

const WORK_MS = 0.5;
const REST_MS = 1;

let restedAt = performance.now();

/**
 * Called between small pieces of work: gives the processor away for a moment where this process has had it for {@link WORK_MS} or more. Linux
 * lets a process that wakes up wait for up to 4 ms behind one that is busy, even where another core has nothing to do; without this, answers
 * wait for PostgreSQL's process, which waits for sealing.
 */
export const breathe = async (): Promise<void> => {
  if (performance.now() - restedAt < WORK_MS) return;
  await sleep(REST_MS);
  restedAt = performance.now();
};
