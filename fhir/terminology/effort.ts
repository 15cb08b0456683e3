/** How much may be worked out for one question. Clients write value sets and code systems, and while one is worked out everybody else waits. */
import { FhirError } from '../http/outcome.ts';

export interface Effort {
  /** Throws 413 once `steps` are more than one question may take. A step is a look at one code, about 0.1 us. */
  spend(steps: number): void;
  /** What is left of it, as time. */
  leftMs(): number;
}

const MAX_STEPS = 10_000_000;
export const STEPS_PER_MS = 10_000;
/** To put a code into a set: its key is made, and the set may grow. */
export const STEPS_TO_ADD = 8;
/** To parse a character of a stored resource, and to index what it says. */
export const STEPS_PER_CHARACTER = 0.25;

export const createEffort = (): Effort => {
  let left = MAX_STEPS;
  return {
    spend: (steps) => {
      left -= steps;
      if (left < 0)
        throw new FhirError(
          'too-costly',
          'it takes too much to work out what these value sets and code systems mean: ask for a smaller value set, with simpler filters',
        );
    },
    leftMs: () => Math.max(0, left / STEPS_PER_MS),
  };
};

/** Of what the operator has loaded, which nobody counts. */
export const UNCOUNTED: Effort = { spend: () => undefined, leftMs: () => Infinity };
