/** Texts of statements that are remembered. */
const MAX_KNOWN = 2000;
/** Milliseconds that are no long time, whatever the others take. */
const SHORT_MS = 10;
/** So many times as long as the average is long: on a busy machine everything takes its time. */
const TIMES_THE_AVERAGE = 4;
/** What the last one counts for in an average. */
const WEIGHT = 0.1;

/** How long statements take, by their text, which holds no values. */
export interface Pace {
  /** Whether it took little time so far; false for one that isn't known. */
  readonly isShort: (text: string) => boolean;
  readonly took: (text: string, ms: number) => void;
}

export const createPace = (): Pace => {
  const known = new Map<string, number>();
  let average = 0;
  return {
    isShort: (text) => (known.get(text) ?? Infinity) < Math.max(SHORT_MS, average * TIMES_THE_AVERAGE),
    took: (text, ms) => {
      average += (ms - average) * WEIGHT;
      const before = known.get(text);
      if (before === undefined && known.size >= MAX_KNOWN) known.clear();
      known.set(text, before === undefined ? ms : before + (ms - before) * WEIGHT);
    },
  };
};
