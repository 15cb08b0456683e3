import { setTimeout as sleep } from 'node:timers/promises';

/** Rests a while after work. */
export type Rest = () => Promise<void>;

const SHARE = 0.5;
const MAX_MS = 200;

/** What nobody waits for leaves a third of the time to requests: it rests half as long as it has worked since the last rest. */
export const createRest = (now: () => number = () => performance.now()): Rest => {
  let since = now();
  return async () => {
    await sleep(Math.min(MAX_MS, (now() - since) * SHARE));
    since = now();
  };
};
