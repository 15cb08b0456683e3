import type { Db } from './pool.ts';

/** One version in a history; newest first. */
export interface HistoryRow {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly updated: number;
  readonly body: string | null;
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
  /** Milliseconds: versions from then on (_since), versions up to then (_at). */
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly after?: HistoryCursor | undefined;
  readonly limit: number;
}

/** Reads a page from heads and superseded versions, each by its index on (updated, rid). */
export const readHistory = async (db: Db, { rids, sinceMs, untilMs, after, limit }: HistoryRange): Promise<readonly HistoryRow[]> => {
  const parameters: number[] = [limit];
  const value = (given: number): string => `$${parameters.push(given)}`;
  const time = (ms: number): string => `to_timestamp(${value(ms)}::double precision / 1000)`;
  const conditions: string[] = [];
  if (rids !== undefined) conditions.push(`rid between ${value(rids[0])} and ${value(rids[1])}`);
  if (sinceMs !== undefined) conditions.push(`updated >= ${time(sinceMs)}`);
  if (untilMs !== undefined) conditions.push(`updated <= ${time(untilMs)}`);
  if (after !== undefined) {
    conditions.push(`(updated, rid, version) < (${time(after.updated)}, ${value(after.rid)}::bigint, ${value(after.version)}::int)`);
  }
  const where = conditions.length > 0 ? `where ${conditions.join(' and ')}` : '';
  const part = (table: string): string =>
    `(select rid, type, id, version, updated, body from fhir.${table} ${where} order by updated desc, rid desc, version desc limit $1)`;
  return db.unsafe<HistoryRow[]>(
    `select rid, type, id, version, (extract(epoch from updated) * 1000)::bigint as updated, body
from (${part('resource')} union all ${part('resource_history')}) as versions
order by versions.updated desc, rid desc, version desc limit $1`,
    parameters,
    { prepare: true },
  );
};

const COUNT = `select (select count(*) from fhir.resource where rid between $1 and $2)
  + (select count(*) from fhir.resource_history where rid between $1 and $2) as total`;

/** All versions of a range of resource keys. */
export const countHistory = async (db: Db, [from, to]: readonly [number, number]): Promise<number> => {
  const [row] = await db.unsafe<{ total: number }[]>(COUNT, [from, to], { prepare: true });
  return row!.total;
};
