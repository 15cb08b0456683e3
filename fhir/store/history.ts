import { setTimeout } from 'node:timers/promises';
import { bytesBefore, MAX_PAGE_BYTES } from './page-bytes.ts';
import { type Db, numberArray } from './pool.ts';

/** One version in a history; newest first. */
export interface HistoryRow {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly updated: number;
  readonly body: string | null;
  /** Those before it are as much as a page may have: it has no body here. */
  readonly isCut: boolean;
  /** The version before it is a deletion: an update brought the resource back, which is answered as a creation. */
  readonly isRevival: boolean;
}

/** Where a page begins: right after this version. */
export interface HistoryCursor {
  readonly updated: number;
  readonly rid: number;
  readonly version: number;
}

export interface HistoryRange {
  /** All versions of these resource keys, both ends included; the whole server without it. */
  readonly rids?: readonly [number, number] | undefined;
  /** Milliseconds: versions from then on. */
  readonly sinceMs?: number | undefined;
  /** Milliseconds: versions that were the newest at some moment of it; `hi` is exclusive. */
  readonly at?: { readonly lo: number; readonly hi: number } | undefined;
  /** Versions of these alone. */
  readonly listed?: readonly Listed[] | undefined;
  readonly after?: HistoryCursor | undefined;
  readonly limit: number;
}

/** A resource, or one version of it. */
export interface Listed {
  readonly rid: number;
  readonly version: number | undefined;
}

interface Row extends HistoryRow {
  /** A transaction that began before this version's has not ended yet. */
  readonly unsettled: boolean;
}

// Asked of the rows of a page alone, by the key of superseded versions.
const REVIVAL = `exists (select from fhir.resource_history p where p.rid = sized.rid and p.version = sized.version - 1 and p.deleted)`;

// A version ends when the next one begins; one that deletes has no duration of its own.
const LASTED = (at: string): string => `case when v.deleted then v.updated >= ${at} else
  not exists (select from fhir.resource n where n.rid = v.rid and n.version = v.version + 1 and n.updated <= ${at})
  and not exists (select from fhir.resource_history n where n.rid = v.rid and n.version = v.version + 1 and n.updated <= ${at}) end`;

/** The conditions of a range, each value by way of `value`, which notes it and names its place. */
const conditionsOf = (
  { rids, sinceMs, at, listed }: Omit<HistoryRange, 'after' | 'limit'>,
  value: (given: number | string) => string,
): string[] => {
  const time = (ms: number): string => `to_timestamp(${value(ms)}::double precision / 1000)`;
  const conditions: string[] = [];
  if (rids !== undefined) conditions.push(`v.rid between ${value(rids[0])} and ${value(rids[1])}`);
  if (sinceMs !== undefined) conditions.push(`v.updated >= ${time(sinceMs)}`);
  if (at !== undefined) conditions.push(`v.updated < ${time(at.hi)}`, LASTED(time(at.lo)));
  if (listed !== undefined) conditions.push(isListed(listed, value));
  return conditions;
};

// The first condition is what the key of either table finds.
const isListed = (listed: readonly Listed[], value: (given: string) => string): string => {
  const [whole, versions] = [listed.filter(({ version }) => version === undefined), listed.filter(({ version }) => version !== undefined)];
  const ridsOf = (some: readonly Listed[]): string => `${value(numberArray(some.map(({ rid }) => rid)))}::bigint[]`;
  const numbers = `${value(numberArray(versions.map(({ version }) => version!)))}::integer[]`;
  return `v.rid = any(${ridsOf(listed)}) and (v.rid = any(${ridsOf(whole)}) or (v.rid, v.version) in (select * from unnest(${ridsOf(versions)}, ${numbers})))`;
};

const ORDER = 'versions.updated desc, rid desc, version desc';

const readRows = async (db: Db, { after, limit, ...range }: HistoryRange): Promise<readonly Row[]> => {
  const parameters: (number | string)[] = [limit];
  const value = (given: number | string): string => `$${parameters.push(given)}`;
  const conditions = conditionsOf(range, value);
  if (after !== undefined) {
    const updated = `to_timestamp(${value(after.updated)}::double precision / 1000)`;
    conditions.push(`(v.updated, v.rid, v.version) < (${updated}, ${value(after.rid)}::bigint, ${value(after.version)}::int)`);
  }
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const part = (table: string): string =>
    `(select rid, type, id, version, updated, xid, body from fhir.${table} v ${where} order by updated desc, rid desc, version desc limit $1)`;
  return db.unsafe<Row[]>(
    `select rid, type, id, version, (extract(epoch from updated) * 1000)::bigint as updated, "isCut", case when not "isCut" then body end as body, unsettled,
  ${REVIVAL} as "isRevival"
from (select *, ${bytesBefore('body', ORDER)} >= ${MAX_PAGE_BYTES} as "isCut", xid >= pg_snapshot_xmin(pg_current_snapshot()) as unsettled
from (${part('resource')} union all ${part('resource_history')}) as versions order by ${ORDER} limit $1) as sized
order by sized.updated desc, rid desc, version desc`,
    parameters,
    { prepare: true },
  );
};

/** Reads a page from heads and superseded versions, each by its index on (updated, rid). */
export const readHistory = (db: Db, range: HistoryRange): Promise<readonly HistoryRow[]> => readRows(db, range);

const SETTLING_MS = 1000;
const PAUSE_MS = 20;

/**
 * The same of several resources, for who pages forward with _since: a version is shown when every transaction that began before its own
 * has ended, so that none can appear later among those already seen. Waits a second for that at most, then leaves the newest out.
 */
export const readFeed = async (db: Db, range: HistoryRange): Promise<readonly HistoryRow[]> => {
  const end = performance.now() + SETTLING_MS;
  for (;;) {
    const rows = await readRows(db, range);
    const unsettled = rows.findLast((row) => row.unsettled);
    if (unsettled === undefined) return rows;
    if (performance.now() > end) {
      const settled = await readRows(db, { ...range, after: { updated: unsettled.updated, rid: 0, version: 0 } });
      return settled.filter((row) => !row.unsettled);
    }
    await setTimeout(PAUSE_MS);
  }
};

/** How many versions there are in a range: the whole of it is counted, as a search counts what it matches. */
export const countHistory = async (db: Db, range: Omit<HistoryRange, 'after' | 'limit'>): Promise<number> => {
  const parameters: (number | string)[] = [];
  const conditions = conditionsOf(range, (given) => `$${parameters.push(given)}`);
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const part = (table: string): string => `(select count(*) from fhir.${table} v ${where})`;
  const text = `select ${part('resource')} + ${part('resource_history')} as total`;
  const [row] = await db.unsafe<{ total: number }[]>(text, parameters, { prepare: true });
  return row!.total;
};

// Sees the sessions of its own role: those that write resources.
const OLDEST = `select coalesce(max(extract(epoch from clock_timestamp() - xact_start) * 1000), 0)::bigint as age
from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid() and datname = current_database()`;

/** How long ago the oldest transaction began that may still store something; to be asked before the rows are read. */
export const oldestWriteMs = async (db: Db): Promise<number> => {
  const [row] = await db.unsafe<{ age: number }[]>(OLDEST, [], { prepare: true });
  return row!.age;
};
