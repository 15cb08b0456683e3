import type { Db } from './pool.ts';

/** A resource's key is `type id * 2^44 + n`, so that all resources of one type are one range of it. */
export const RID_SPAN = 2 ** 44;
const BLOCK = 1024; // the sequence's increment

export interface RidAllocator {
  /** The next `count` numbers, each unique over all replicas; multiply by type with {@link ridOf}. */
  take(count: number): Promise<number[]>;
}

/** Contained resources have keys above those of all others, in the same way: `(256 + type id) * 2^44 + n`. */
const CONTAINED_TYPES = 256;
export const CONTAINED_FROM = CONTAINED_TYPES * RID_SPAN;
export const containedTypeId = (typeId: number): number => CONTAINED_TYPES + typeId;

/** Keys that one container has for what it contains. */
const PLACES = 1024;
/** Each version begins so many keys further than the last, so that rows that a process of an older release left behind mean nothing soon. */
const VERSION_STEP = 64;

/**
 * The key of what a version of a resource contains at a place (from 0); undefined where it can have none: past the 1024th, or past
 * 2^34 (17 billion) resources.
 */
export const containedRid = (
  typeId: number,
  { rid, version }: { readonly rid: number; readonly version: number },
  place: number,
): number | undefined => {
  const n = rid % RID_SPAN;
  if (place >= PLACES || n >= RID_SPAN / PLACES) return undefined;
  return containedTypeId(typeId) * RID_SPAN + n * PLACES + (((version % PLACES) * VERSION_STEP + place) % PLACES);
};

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
