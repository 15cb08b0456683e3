/** The tables of migrations 0009 and 0012. */
import { type Db, numberArray } from '../store/pool.ts';

export type ParameterState = 'waiting' | 'indexing' | 'ready' | 'off' | 'refused';

/** One that is indexed, or being so. */
export interface StoredParameter {
  readonly rid: number;
  /** Of the resource; of a package's the url. */
  readonly id: string;
  /** Null where a client has written it. */
  readonly package: string | null;
  readonly generation: number;
  /** JSON of a Definition. */
  readonly definition: string;
  readonly state: 'indexing' | 'ready';
}

export interface Progress {
  readonly generation: number;
  readonly done: number;
  readonly total: number | null;
}

/** What every process asks over and over: which plan there is, and how far what is being indexed is. */
export const readPulse = async (db: Db): Promise<{ readonly version: number; readonly progress: readonly Progress[] }> => {
  const [row] = await db.unsafe<{ version: number; progress: string | null }[]>(
    `select version, (select json_agg(json_build_object('generation', generation, 'done', done, 'total', total))
    from fhir.search_parameter where state = 'indexing')::text as progress from fhir.search_plan`,
    [],
    { prepare: true },
  );
  return { version: row!.version, progress: JSON.parse(row!.progress ?? '[]') as Progress[] };
};

/** The plan as it is at one moment. */
export const readPlan = async (db: Db): Promise<{ readonly version: number; readonly parameters: readonly StoredParameter[] }> => {
  const rows = await db.unsafe<(StoredParameter & { version: number })[]>(
    `select p.version, s.rid, coalesce(r.id, s.url) as id, s.package, s.generation, s.definition, s.state from fhir.search_plan p
  left join (fhir.search_parameter s left join fhir.resource r using (rid)) on s.state in ('indexing', 'ready')
order by s.generation`,
  );
  return { version: rows[0]!.version, parameters: rows.filter(({ rid }) => rid !== null) };
};

/** A row whose resource has changed since it was looked at. */
export interface ChangedParameter {
  readonly rid: number;
  readonly id: string;
  readonly version: number;
  /** Null where it is deleted. */
  readonly body: string | null;
  readonly generation: number | null;
  readonly definition: string | null;
  readonly state: ParameterState;
}

const CHANGED = `from fhir.search_parameter s join fhir.resource r using (rid) where s.version is distinct from r.version`;

export const areAnyChanged = async (db: Db): Promise<boolean> => {
  const [row] = await db.unsafe<{ any: boolean }[]>(
    `select exists (select ${CHANGED}) or exists (select from fhir.search_parameter s where s.state = 'indexing'
  and not exists (select from fhir.job j where j.id = s.job and j.status = 'pending')) as any`,
    [],
    { prepare: true },
  );
  return row!.any;
};

/** Makes one who changes the plan wait for another; the plan's version. */
export const lockPlan = async (db: Db): Promise<number> => {
  const [row] = await db.unsafe<{ version: number }[]>('select version from fhir.search_plan for update');
  return row!.version;
};

export const changedParameters = (db: Db): Promise<ChangedParameter[]> =>
  db.unsafe<ChangedParameter[]>(
    `select s.rid, r.id, r.version, r.body, s.generation, s.definition, s.state ${CHANGED} order by s.rid limit 20`,
  );

export const setVersion = async (db: Db, version: number): Promise<void> => {
  await db.unsafe('update fhir.search_plan set version = $1::int', [version]);
};

export const noteSeen = async (db: Db, { rid, version }: Pick<ChangedParameter, 'rid' | 'version'>): Promise<void> => {
  await db.unsafe('update fhir.search_parameter set version = $2::int where rid = $1::bigint', [rid, version]);
};

export const beginIndexing = async (
  db: Db,
  { rid, version }: Pick<ChangedParameter, 'rid' | 'version'>,
  { generation, definition }: { readonly generation: number; readonly definition: string },
): Promise<void> => {
  await db.unsafe(
    `update fhir.search_parameter set version = $2::int, generation = $3::int, definition = $4, state = 'indexing', reason = null, done = 0,
  total = null, job = null where rid = $1::bigint`,
    [rid, version, generation, definition],
  );
};

export const turnOff = async (
  db: Db,
  { rid, version }: Pick<ChangedParameter, 'rid' | 'version'>,
  { state, reason }: { readonly state: 'off' | 'refused'; readonly reason: string | null },
): Promise<void> => {
  await db.unsafe(
    `update fhir.search_parameter set version = $2::int, generation = null, definition = null, state = $3, reason = $4, done = 0, total = null,
  job = null where rid = $1::bigint`,
    [rid, version, state, reason],
  );
};

/** Has the others that were refused looked at again: what was in their way may be gone. */
export const reconsiderRefused = async (db: Db, except: number): Promise<void> => {
  await db.unsafe(`update fhir.search_parameter set version = null where state = 'refused' and package is null and rid <> $1::bigint`, [
    except,
  ]);
};

/** To be called under the plan's lock; false where another has been before, or the definition is another one by now. */
export const refuseDefinition = async (
  db: Db,
  { rid, generation, reason }: { readonly rid: number; readonly generation: number; readonly reason: string },
): Promise<boolean> => {
  const rows = await db.unsafe(
    `update fhir.search_parameter set generation = null, definition = null, state = 'refused', reason = $3, done = 0, total = null, job = null
where rid = $1::bigint and generation = $2::int returning 1`,
    [rid, generation, reason],
  );
  return rows.length > 0;
};

/** A job of the server's own, which no client sees; `rid` is the parameter that waits for it. */
export const insertReindexJob = async (
  db: Db,
  { id, request, rid }: { readonly id: string; readonly request: object; readonly rid?: number },
): Promise<void> => {
  await db.unsafe(`insert into fhir.job (id, kind, client, request) values ($1::uuid, 'reindex', '$server', $2)`, [
    id,
    JSON.stringify(request),
  ]);
  if (rid !== undefined) await db.unsafe('update fhir.search_parameter set job = $2::uuid where rid = $1::bigint', [rid, id]);
};

/** Those that are to be indexed and that no job works for. */
export const orphans = (db: Db): Promise<{ rid: number; generation: number; definition: string }[]> =>
  db.unsafe(`select rid, generation, definition from fhir.search_parameter s where state = 'indexing'
  and not exists (select from fhir.job j where j.id = s.job and j.status = 'pending')`);

/** False where this definition isn't wanted any more. */
export const setProgress = async (db: Db, rid: number, { generation, done, total }: Progress): Promise<boolean> => {
  const rows = await db.unsafe(
    `update fhir.search_parameter set done = $3::bigint, total = $4::bigint
where rid = $1::bigint and generation = $2::int and state = 'indexing' returning 1`,
    [rid, generation, done, total],
  );
  return rows.length > 0;
};

/** Whether a definition is still to be indexed; it stays so until the transaction ends. */
export const holdWanted = async (db: Db, rid: number, generation: number): Promise<boolean> => {
  const rows = await db.unsafe(
    `select from fhir.search_parameter where rid = $1::bigint and generation = $2::int and state = 'indexing' for share`,
    [rid, generation],
    { prepare: true },
  );
  return rows.length > 0;
};

/** Makes a definition what searches go by, if it still is wanted. */
export const setReady = async (db: Db, rid: number, generation: number): Promise<void> => {
  await db.unsafe(
    `with ready as (update fhir.search_parameter set state = 'ready' where rid = $1::bigint and generation = $2::int and state = 'indexing' returning 1)
update fhir.search_plan set version = version + 1 where exists (select from ready)`,
    [rid, generation],
  );
};

/** A moment of the database. */
export interface Moment {
  readonly xid: string;
  readonly at: string;
}

export const readMoment = async (db: Db): Promise<Moment> => {
  const [row] = await db.unsafe<Moment[]>('select pg_current_xact_id()::text as xid, clock_timestamp()::text as at');
  return row!;
};

/** From now on no write is stored whose rows were made by an older plan; the moment of that. */
export const raiseFence = async (db: Db, version: number): Promise<Moment> => {
  const [row] = await db.unsafe<Moment[]>(
    `update fhir.search_plan set fence = greatest(fence, $1::int) returning pg_current_xact_id()::text as xid, clock_timestamp()::text as at`,
    [version],
  );
  return row!;
};

/** Whether every transaction and statement that began before a moment has ended. */
export const isQuiet = async (db: Db, { xid, at }: Moment): Promise<boolean> => {
  const [row] = await db.unsafe<{ quiet: boolean }[]>(
    `select pg_snapshot_xmin(pg_current_snapshot()) > $1::text::xid8 and not exists (
  select from pg_stat_activity where datname = current_database() and usename = current_user and pid <> pg_backend_pid()
    and state = 'active' and query_start <= $2::text::timestamptz) as quiet`,
    [xid, at],
  );
  return row!.quiet;
};

export const countBetween = async (db: Db, from: number, to: number): Promise<number> => {
  const [row] = await db.unsafe<{ n: number }[]>(
    'select count(*) as n from fhir.resource where rid > $1::bigint and rid < $2::bigint',
    [from, to],
    { prepare: true },
  );
  return row!.n;
};

export interface Body {
  readonly rid: number;
  readonly id: string;
  readonly version: number;
  readonly body: string | null;
}

const MAX_ROWS = 500;
const MAX_BYTES = 4 << 20;

/** The next resources of a range, up to 500 or 4 MB, and one at least. */
export const readBodies = (db: Db, after: number, to: number): Promise<Body[]> =>
  db.unsafe<Body[]>(
    `with found as (select rid, id, version, body from fhir.resource where rid > $1::bigint and rid < $2::bigint order by rid limit ${MAX_ROWS})
select rid, id, version, body from (
  select *, sum(coalesce(octet_length(body), 0)) over (order by rid) - coalesce(octet_length(body), 0) as before from found) f
where before < ${MAX_BYTES} order by rid`,
    [after, to],
    { prepare: true },
  );

/** Keeps others from changing some resources until the transaction ends; in the order in which writes take them. */
export const lockBodies = (db: Db, rids: readonly number[]): Promise<Body[]> =>
  db.unsafe<Body[]>(`select rid, id, version, body from fhir.resource where rid = any($1::bigint[]) order by rid for no key update`, [
    numberArray(rids),
  ]);

/** The next resources of a range that had a version before and were written by a transaction or a later one; up to 4 MB, and one at least. */
export const readWrittenSince = async (
  db: Db,
  { after, to, xid }: { readonly after: number; readonly to: number; readonly xid: string },
): Promise<number[]> =>
  (
    await db.unsafe<{ rid: number }[]>(
      `with found as (select rid, coalesce(octet_length(body), 0) as size from fhir.resource
  where rid > $1::bigint and rid < $2::bigint and version > 1 and xid >= $3::text::xid8 order by rid limit ${MAX_ROWS})
select rid from (select rid, sum(size) over (order by rid) - size as before from found) f where before < ${MAX_BYTES} order by rid`,
      [after, to, xid],
    )
  ).map(({ rid }) => rid);

/**
 * Superseded versions of some resources after one of them, up to 4 MB and one at least; of those that were there before `xid` the last only.
 */
export const readPast = (
  db: Db,
  rids: readonly number[],
  { after, xid }: { readonly after: Pick<Body, 'rid' | 'version'>; readonly xid: string },
): Promise<Body[]> =>
  db.unsafe<Body[]>(
    `with found as (
  select h.rid, h.id, h.version, h.body, coalesce(octet_length(h.body), 0) as size
  from unnest($1::bigint[]) as w(rid) join fhir.resource_history h using (rid)
  where (h.rid, h.version) > ($2::bigint, $3::int) and h.version >= coalesce(
    (select max(b.version) from fhir.resource_history b where b.rid = w.rid and b.xid < $4::text::xid8), 0)
  order by h.rid, h.version limit ${MAX_ROWS})
select rid, id, version, body from (select *, sum(size) over (order by rid, version) - size as before from found) f
where before < ${MAX_BYTES} order by rid, version`,
    [numberArray(rids), after.rid, after.version, xid],
  );

/** The numbers of the index keys of a definition that is gone. */
export const keysOfGeneration = async (db: Db, generation: number): Promise<number[]> =>
  (await db.unsafe<{ id: number }[]>(`select id from fhir.index_key where key ~ ('^[a-z_]+:\\{' || $1::int || '\\}')`, [generation])).map(
    ({ id }) => id,
  );

/** Removes up to `most` rows of a key; how many these were. */
export const removeRows = async (
  db: Db,
  table: string,
  { key, most }: { readonly key: number; readonly most: number },
): Promise<number> => {
  const name = `fhir.sp_${table}`;
  const rows = await db.unsafe(
    `delete from ${name} where ctid = any(array(select ctid from ${name} where key = $1::smallint limit ${most}))`,
    [key],
  );
  return rows.count;
};

/** How it stands with one SearchParameter; undefined where it was never active. */
export const readState = async (
  db: Db,
  rid: number,
): Promise<{ version: number | null; state: ParameterState; reason: string | null; done: number; total: number | null } | undefined> => {
  const [row] = await db.unsafe<
    { version: number | null; state: ParameterState; reason: string | null; done: number; total: number | null }[]
  >('select version, state, reason, done, total from fhir.search_parameter where rid = $1::bigint', [rid], { prepare: true });
  return row;
};
