import { FhirError } from './outcome.ts';

export interface AdmissionLimits {
  /** Bytes of bodies that are worked on at once; one that has more by itself is worked on alone. */
  readonly atWork: number;
  /** Bytes of bodies that are there at once, at work or waiting for it; more are refused with 503. */
  readonly present: number;
}

/** What one request holds until it is answered. */
export interface Admitted {
  /** So many more bytes of its body are here, or fewer by a negative number; throws 503 where those of all are too much. */
  readonly hold: (bytes: number) => void;
  /** Resolves when the turn of a body of this length has come to be worked on. */
  readonly turn: (bytes: number) => Promise<void>;
  readonly release: () => void;
}

export interface Admission {
  readonly enter: () => Admitted;
}

/** A body this short waits for nobody, and nobody for it. */
const SHORT = 64 << 10;

/**
 * How much of what clients send is in memory at once. A Bundle that is worked on takes twenty times its size and more, and all of them
 * share one thread and one lane of commits: eight at once are no faster than two. So they wait in line, first come, first served, with
 * their bytes alone.
 */
export const createAdmission = ({ atWork, present }: AdmissionLimits): Admission => {
  const queue: { readonly bytes: number; readonly begin: () => void }[] = [];
  let working = 0;
  let here = 0;

  const pump = (): void => {
    for (let next = queue[0]; next !== undefined && (working === 0 || working + next.bytes <= atWork); next = queue[0]) {
      queue.shift();
      working += next.bytes;
      next.begin();
    }
  };

  return {
    enter: () => {
      let held = 0;
      let atWorkBytes = 0;
      return {
        hold: (bytes) => {
          // One alone is bounded by its limit.
          if (bytes > 0 && here > held && here + bytes > present) {
            throw new FhirError('unavailable', 'too much is being received at once: repeat the request later, or send less at once', {
              headers: { 'retry-after': '2' },
            });
          }
          here += bytes;
          held += bytes;
        },
        turn: async (bytes) => {
          if (bytes <= SHORT) return;
          await new Promise<void>((begin) => {
            queue.push({ bytes, begin });
            pump();
          });
          atWorkBytes = bytes;
        },
        release: () => {
          here -= held;
          working -= atWorkBytes;
          held = 0;
          atWorkBytes = 0;
          pump();
        },
      };
    },
  };
};
