import { type Db, numberArray } from '../../store/pool.ts';

/** A resource as it was at a moment. */
export interface PastRow {
  readonly rid: number;
  readonly id: string;
  readonly deleted: boolean;
  /** Of a deleted one, the text before it was deleted. */
  readonly body: string | null;
}

export type Row = PastRow & { readonly body: string };

/** When a version was written, in milliseconds; without a bound whenever. */
export interface Written {
  readonly sinceMs: number | undefined;
  /** Exclusive. */
  readonly untilMs: number | undefined;
}

export interface BatchRange {
  /** The last resource key of the batch before. */
  readonly after: number;
  /** Exclusive. */
  readonly end: number;
  /** A pg_snapshot: what had been committed then is seen, nothing else. */
  readonly snapshot: string;
  readonly written: Written;
  /** Deleted ones come only from a beginning on. */
  readonly deleted: Written;
  /** Only these of the range, in ascending order. */
  readonly among?: readonly number[] | undefined;
}

export const WHENEVER: Written = { sinceMs: undefined, untilMs: undefined };

export interface Batch {
  readonly rows: readonly PastRow[];
  /** Where the next batch begins; undefined where this one was the last. */
  readonly after: number | undefined;
}

export const MAX_ROWS = 500;
const MAX_BYTES = 4 << 20;

const time = (n: number): string => `to_timestamp($${n}::double precision / 1000)`;
// The head if the snapshot saw it written, else the newest version that it saw; a resource that came later has none.
const textOf = (which: string): string => `with batch as materialized (
  select rid, id, version, xid from fhir.resource where rid > $1::bigint and rid < $2::bigint${which} order by rid limit ${MAX_ROWS}),
past as (
  select rid, id, version as head, case when pg_visible_in_snapshot(xid, $3::text::pg_snapshot) then version
    else (select max(h.version) from fhir.resource_history h where h.rid = batch.rid and pg_visible_in_snapshot(h.xid, $3::text::pg_snapshot)) end as version
  from batch),
versions as (
  select past.rid, past.id, past.version, r.updated, r.deleted, r.body from past join fhir.resource r on r.rid = past.rid where past.version = past.head
  union all
  select past.rid, past.id, past.version, h.updated, h.deleted, h.body from past
  join fhir.resource_history h on h.rid = past.rid and h.version = past.version where past.version < past.head),
found as (
  select v.rid, v.id, v.deleted, coalesce(v.body, b.body) as body from versions v
  left join fhir.resource_history b on v.deleted and b.rid = v.rid and b.version = v.version - 1
  where case when v.deleted then v.updated >= ${time(6)} and coalesce(v.updated < ${time(7)}, true)
    else coalesce(v.updated >= ${time(4)}, true) and coalesce(v.updated < ${time(5)}, true) end),
sized as (
  select *, count(*) over () as found, sum(octet_length(body)) over (order by rid) - octet_length(body) as before from found)
select s.rid, s.id, s.deleted, s.body, s.found, b.last, b.rows
from (select max(rid) as last, count(*) as rows from batch) b left join sized s on s.before < ${MAX_BYTES} or s.before is null order by s.rid`;
const ALL = textOf('');
const SOME = textOf(' and rid = any($8::bigint[])');

interface FoundRow extends PastRow {
  readonly found: number;
  readonly last: number | null;
  readonly rows: number;
}

/** The next resources of a range, in the order of their keys; a batch is as much as one process holds at a time. */
export const readBatch = async (db: Db, { after, end, snapshot, written, deleted, among }: BatchRange): Promise<Batch> => {
  const times = [written, deleted].flatMap(({ sinceMs, untilMs }) => [sinceMs ?? null, untilMs ?? null]);
  const values = [after, end, snapshot, ...times, ...(among === undefined ? [] : [numberArray(among)])];
  const all = await db.unsafe<FoundRow[]>(among === undefined ? ALL : SOME, values, { prepare: true });
  const rows = all.filter(({ rid }) => rid !== null);
  const { last, rows: seen } = all[0]!;
  const isCut = rows.length > 0 && rows[0]!.found > rows.length;
  if (isCut) return { rows, after: rows.at(-1)!.rid };
  return { rows, after: seen < MAX_ROWS ? undefined : last! };
};

export interface Moment {
  readonly snapshot: string;
  /** Milliseconds */
  readonly atMs: number;
}

/** This moment, to read what was committed before it as often as it takes. */
export const takeSnapshot = async (db: Db): Promise<Moment> => {
  const [row] = await db.unsafe<Moment[]>(
    `select pg_current_snapshot()::text as snapshot, (extract(epoch from clock_timestamp()) * 1000)::bigint as "atMs"`,
  );
  return row!;
};
