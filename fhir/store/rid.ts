import type { Db } from './pool.ts';

/** A resource's key is `type id * 2^44 + n`, so that all resources of one type are one range of it. */
export const RID_SPAN = 2 ** 44;
const BLOCK = 1024; // the sequence's increment

export interface RidAllocator {
  /** The next `count` numbers, each unique over all replicas; multiply by type with {@link ridOf}. */
  take(count: number): Promise<number[]>;
}

export const ridOf = (typeId: number, n: number): number => typeId * RID_SPAN + n;

/** Hands out numbers from blocks of 1024 that each process takes from one sequence, so that a create needs no round trip for its key. */
export const createRidAllocator = (sql: Db): RidAllocator => {
  let next = 0;
  let end = 0;
  let refill: Promise<void> | undefined;
  const load = async (): Promise<void> => {
    const [row] = await sql.unsafe(`select nextval('fhir.rid') as first`, [], { prepare: true });
    next = Number((row as unknown as { first: number }).first);
    end = next + BLOCK;
  };
  return {
    async take(count) {
      const taken: number[] = [];
      while (taken.length < count) {
        if (next === end) await (refill ??= load().finally(() => (refill = undefined)));
        while (next < end && taken.length < count) taken.push(next++);
      }
      return taken;
    },
  };
};
