/** Which resources an export of some patients has to look at, from the index of references: a small group of a large server needn't read it all. */
import { SELF_KEY } from '../../search/index-plan.ts';
import type { Server } from '../../server.ts';
import { numberArray, textArray } from '../../store/pool.ts';
import { RID_SPAN } from '../../store/rid.ts';
import { codesOfPatients, typesOfPatients } from './of-patients.ts';
import { PROVENANCE } from './provenance.ts';

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
const textOf = (more: string): string => `select distinct c.rid from (
  select t.rid from unnest($1::text[]) as p(id) cross join unnest($2::smallint[]) as k(key)
  join fhir.sp_ref t on t.key = k.key and t.target = hashtextextended('Patient/' || p.id, 0) where t.rid > $3::bigint and t.rid < $4::bigint
  union all
  select r.rid from fhir.resource r where r.updated >= to_timestamp($5::double precision / 1000) and r.rid > $3::bigint and r.rid < $4::bigint
  union all
  select r.rid from fhir.resource r
  where r.deleted and r.updated >= to_timestamp($6::double precision / 1000) and r.rid > $3::bigint and r.rid < $4::bigint${more}) c
order by c.rid limit ${MAX_RIDS + 1}`;
// What is about any resource of the patients: of those as they are now, and of what has been written since.
const ABOUT = `
  union all
  select a.rid from unnest($1::text[]) as p(id) cross join unnest($7::smallint[]) as k(key)
  join fhir.sp_ref t on t.key = k.key and t.target = hashtextextended('Patient/' || p.id, 0)
  join fhir.sp_ref s on s.rid = t.rid and s.key = $8::smallint
  join fhir.sp_ref a on a.key = any($9::smallint[]) and a.target = s.target and a.rid > $3::bigint and a.rid < $4::bigint
  union all
  select a.rid from fhir.resource r join unnest($10::smallint[], $11::text[]) as n(type, name) on n.type = r.type
  join fhir.sp_ref a on a.key = any($9::smallint[]) and a.target = hashtextextended(n.name || '/' || r.id, 0) and a.rid > $3::bigint and a.rid < $4::bigint
  where r.updated >= to_timestamp($5::double precision / 1000)`;
const OWN = textOf('');
const OWN_AND_ABOUT = textOf(ABOUT);

/** The next resources of a type that may have been of one of the patients when the snapshot was taken. */
export const readCandidates = async (
  { db, registry, planOf, keyId }: Pick<Server, 'db' | 'registry' | 'planOf' | 'keyId'>,
  { type, patients, after, atMs, sinceMs }: Wanted,
): Promise<Candidates> => {
  const keysOf = (each: string): readonly string[] => {
    const keys = codesOfPatients(registry, each).flatMap((code) => planOf(each).parameters.get(code)?.keys ?? []);
    return each === 'Patient' ? [...keys, SELF_KEY] : keys;
  };
  const numbers = (keys: readonly string[]): string => numberArray([...new Set(keys)].map(keyId));
  const from = registry.typeId(type) * RID_SPAN;
  const values = [
    textArray([...patients]),
    numbers(keysOf(type)),
    Math.max(after, from - 1),
    from + RID_SPAN,
    atMs - MARGIN_MS,
    sinceMs ?? null,
  ];
  if (type === PROVENANCE) {
    const types = typesOfPatients(registry);
    const targets = planOf(type).parameters.get('target')?.keys ?? [];
    values.push(
      numbers(types.flatMap(keysOf)),
      keyId(SELF_KEY),
      numbers(targets),
      numberArray(types.map(registry.typeId)),
      textArray([...types]),
    );
  }
  const rows = await db.unsafe<{ rid: number }[]>(type === PROVENANCE ? OWN_AND_ABOUT : OWN, values, { prepare: true });
  return { rids: rows.slice(0, MAX_RIDS).map(({ rid }) => rid), hasMore: rows.length > MAX_RIDS };
};
