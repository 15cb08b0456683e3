/**
 * How much garbage V8 lets gather before it looks for it, in percent of what lives. Left alone it waits for several times as much: eight
 * callers with Bundles of 300 entries took 450 MB, of which 60 lived between the Bundles. The flag is read at each collection, so it may
 * change while the process runs.
 */
import { setFlagsFromString } from 'node:v8';

/** A twentieth more CPU for Bundles than without, and nothing that can be measured for the rest: test/bench/README.md. */
const USUAL_PERCENT = 80;
/** What very much lives for a while. */
const TIGHT_PERCENT = 20;

let tight = 0;
const set = (percent: number): void => setFlagsFromString(`--heap-growing-percent=${percent}`);

/** To be called once, at the start of the process. */
export const boundHeapGrowth = (): void => set(USUAL_PERCENT);

/** Does work that holds very much, with collections that come earlier. */
export const withTightHeap = async <T>(work: () => Promise<T>): Promise<T> => {
  if (tight++ === 0) set(TIGHT_PERCENT);
  try {
    return await work();
  } finally {
    if (--tight === 0) set(USUAL_PERCENT);
  }
};
