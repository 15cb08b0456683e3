/** What the makers of data and of queries share: choices that are the same for the same seed. */
import { createRandom } from '../../bench/random.ts';

export interface Dice {
  readonly below: (limit: number) => number;
  /** True in so many of a hundred cases. */
  readonly chance: (percent: number) => boolean;
  readonly pick: <T>(from: readonly T[]) => T;
  /** From none to `most` of what `make` makes. */
  readonly some: <T>(most: number, make: () => T) => T[];
}

export const createDice = (...seed: readonly number[]): Dice => {
  const { below } = createRandom(...seed);
  return {
    below,
    chance: (percent) => below(100) < percent,
    pick: (from) => from[below(from.length)]!,
    some: (most, make) => Array.from({ length: below(most + 1) }, make),
  };
};
