/** One page of a patient's compartment, read by index key after key; no page reads more of the store than it shows. */
import type { Server } from '../server.ts';
import { type Db, numberArray, textArray } from '../store/pool.ts';
import { RID_SPAN } from '../store/rid.ts';

export interface PageRow {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  readonly body: string;
}

/** Where resources of one type say that they belong to a patient, and when the care was that they tell of. */
export interface Membership {
  readonly key: number;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly dateKeys: readonly number[];
}

/** Search parameters that tell when care was given, the first that a type has; types without one are in every period. */
const CARE_DATES = [
  'date',
  'period',
  'occurrence',
  'effective-time',
  'effective',
  'authoredon',
  'authored-on',
  'authored',
  'started',
  'created',
  'sent',
  'issued',
];

/** The index keys of a compartment, for some resource types. Source: http://hl7.org/fhir/R4/compartmentdefinition.html */
export const membershipsOf = (
  { registry, planOf, keyId }: Pick<Server, 'registry' | 'planOf' | 'keyId'>,
  compartment: string,
  types: readonly string[],
): readonly Membership[] =>
  types.flatMap((type) => {
    const { parameters } = planOf(type);
    const from = registry.typeId(type) * RID_SPAN;
    const care = CARE_DATES.map((code) => parameters.get(code)).find((each) => each?.parameterType.table === 'date');
    const dateKeys = (care?.keys ?? []).map(keyId);
    const keys = registry.compartment(compartment, type).flatMap((code) => parameters.get(code)?.keys ?? []);
    return [...new Set(keys)].map((key) => ({ key: keyId(key), from, to: from + RID_SPAN, dateKeys }));
  });

export interface CompartmentRange {
  /** `Patient/<id>` */
  readonly owner: string;
  readonly ownerRid: number;
  readonly memberships: readonly Membership[];
  /** The last resource key of the page before; 0 for the first page. */
  readonly after: number;
  readonly limit: number;
  readonly maxBytes: number;
  /** Milliseconds: only versions from then on. */
  readonly sinceMs: number | undefined;
  /** Milliseconds, the second exclusive: when care was given. */
  readonly careMs: readonly [from: number, to: number] | undefined;
}

export interface CompartmentPage {
  readonly rows: readonly PageRow[];
  readonly hasMore: boolean;
}

/** Reads a page in the order of resource keys; it ends early where its bodies together have more than `maxBytes`. */
export const readCompartmentPage = async (db: Db, range: CompartmentRange): Promise<CompartmentPage> => {
  const { owner, ownerRid, memberships, after, limit, maxBytes, sinceMs, careMs } = range;
  if (memberships.length === 0) return { rows: [], hasMore: false };
  const parameters: (string | number)[] = [
    owner,
    numberArray(memberships.map(({ key }) => key)),
    numberArray(memberships.map(({ from }) => Math.max(from, after + 1))),
    numberArray(memberships.map(({ to }) => to)),
    textArray(memberships.map(({ dateKeys }) => numberArray(dateKeys))),
    limit + 1,
    maxBytes,
    ownerRid,
  ];
  const value = (given: number): string => `$${parameters.push(given)}`;
  const conditions: string[] = [];
  if (sinceMs !== undefined)
    conditions.push(
      `exists (select from fhir.resource r where r.rid = t.rid and r.updated >= to_timestamp(${value(sinceMs)}::double precision / 1000))`,
    );
  if (careMs !== undefined) {
    const dates = 'select from fhir.sp_date d where d.rid = t.rid and d.key = any(k.dates::smallint[])';
    const within = `d.hi > ${value(careMs[0])}::bigint and d.lo < ${value(careMs[1])}::bigint`;
    conditions.push(`(exists (${dates} and ${within}) or not exists (${dates}))`);
  }
  const rows = await db.unsafe<(PageRow & { readonly found: number })[]>(
    `with found as (
  select distinct m.rid from unnest($2::smallint[], $3::bigint[], $4::bigint[], $5::text[]) as k(key, lo, hi, dates)
  cross join lateral (
    select distinct t.rid from fhir.sp_ref t
    where t.key = k.key and t.target = hashtextextended($1, 0) and t.rid >= k.lo and t.rid < k.hi and t.rid <> $8::bigint${conditions.map((each) => ` and ${each}`).join('')}
    order by t.rid limit $6) m
  order by m.rid limit $6),
sized as (select r.rid, r.type, r.id, r.body, sum(octet_length(r.body)) over (order by r.rid) - octet_length(r.body) as before
  from (select rid from found order by rid limit $6::int - 1) f join fhir.resource r on r.rid = f.rid where r.body is not null)
select rid, type, id, body, (select count(*) from found) as found from sized where before < $7::bigint order by rid`,
    parameters,
    { prepare: true },
  );
  return { rows, hasMore: rows.length > 0 && rows[0]!.found > rows.length };
};

/** Resources by `Type/id`, in the order of resource keys; undefined where they have more than `maxBytes` together. */
export const readReferenced = async (
  db: Db,
  wanted: readonly { readonly typeId: number; readonly id: string }[],
  maxBytes: number,
): Promise<readonly PageRow[] | undefined> => {
  if (wanted.length === 0) return [];
  const rows = await db.unsafe<(PageRow & { readonly bytes: number })[]>(
    `with sized as (select r.rid, r.type, r.id, r.body, sum(octet_length(r.body)) over (order by r.rid) as bytes
  from unnest($1::smallint[], $2::text[]) as wanted(type, id) join fhir.resource r using (type, id) where r.body is not null)
select rid, type, id, case when bytes <= $3::bigint then body end as body, bytes from sized order by rid`,
    [numberArray(wanted.map(({ typeId }) => typeId)), textArray(wanted.map(({ id }) => id)), maxBytes],
    { prepare: true },
  );
  return (rows.at(-1)?.bytes ?? 0) > maxBytes ? undefined : rows;
};
