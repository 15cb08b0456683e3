/** Which resources an export of some patients has to look at, from the index of references: a small group of a large server needn't read it all. */
import { SELF_KEY } from '../../search/index-plan.ts';
import type { Server } from '../../server.ts';
import { numberArray, textArray } from '../../store/pool.ts';
import { RID_SPAN } from '../../store/rid.ts';

export interface Candidates {
  /** Resource keys in ascending order. */
  readonly rids: readonly number[];
  /** There are further ones after the last. */
  readonly hasMore: boolean;
}

export interface Wanted {
  readonly type: string;
  /** Ids. */
  readonly patients: readonly string[];
  /** The last resource key that was looked at. */
  readonly after: number;
  /** Milliseconds; when the export's snapshot was taken. */
  readonly atMs: number;
  /** Milliseconds; deleted ones come with that alone. */
  readonly sinceMs: number | undefined;
}

/** Of more patients than these every resource of a type is read, one after the other. */
export const MAX_PATIENTS_BY_INDEX = 5000;
const MAX_RIDS = 50_000;
/** A version gets its time before it is committed, and by the clock of another machine. */
const MARGIN_MS = 900_000;

// The index knows resources as they are now. What was another patient's when the snapshot was taken has been written since then, and what has
// been deleted has no rows: both are found by their times.
const TEXT = `select distinct c.rid from (
  select t.rid from unnest($1::text[]) as p(id) cross join unnest($2::smallint[]) as k(key)
  join fhir.sp_ref t on t.key = k.key and t.target = hashtextextended('Patient/' || p.id, 0) where t.rid > $3::bigint and t.rid < $4::bigint
  union all
  select r.rid from fhir.resource r where r.updated >= to_timestamp($5::double precision / 1000) and r.rid > $3::bigint and r.rid < $4::bigint
  union all
  select r.rid from fhir.resource r
  where r.deleted and r.updated >= to_timestamp($6::double precision / 1000) and r.rid > $3::bigint and r.rid < $4::bigint) c
order by c.rid limit ${MAX_RIDS + 1}`;

/** The next resources of a type that may have been in the compartment of one of the patients when the snapshot was taken. */
export const readCandidates = async (
  { db, registry, planOf, keyId }: Pick<Server, 'db' | 'registry' | 'planOf' | 'keyId'>,
  { type, patients, after, atMs, sinceMs }: Wanted,
): Promise<Candidates> => {
  const { parameters } = planOf(type);
  const keys = registry.compartment('Patient', type).flatMap((code) => parameters.get(code)?.keys ?? []);
  if (type === 'Patient') keys.push(SELF_KEY);
  const from = registry.typeId(type) * RID_SPAN;
  const rows = await db.unsafe<{ rid: number }[]>(
    TEXT,
    [
      textArray([...patients]),
      numberArray([...new Set(keys)].map(keyId)),
      Math.max(after, from - 1),
      from + RID_SPAN,
      atMs - MARGIN_MS,
      sinceMs ?? null,
    ],
    { prepare: true },
  );
  return { rids: rows.slice(0, MAX_RIDS).map(({ rid }) => rid), hasMore: rows.length > MAX_RIDS };
};
