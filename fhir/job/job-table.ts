import { inTransaction } from '../audit/verified-commit.ts';
import { type Db, joinJson, jsonTexts, type Sql, textArray } from '../store/pool.ts';
import type { Job, JobKindName, JobResult } from './job.ts';

export interface JobRow {
  readonly id: string;
  readonly kind: JobKindName;
  readonly client: string;
  readonly request: string;
  readonly progress: string;
  readonly status: 'pending' | 'done' | 'failed' | 'cancelled';
  readonly result: string | null;
  readonly ageMs: number;
  readonly expiresMs: number | null;
}

const EVENTS = (parameter: number): string => `events as (insert into audit.event (body) select unnest(${jsonTexts(parameter)}) from done)`;

// Held to the end of the transaction, so that the next statement of another one counts what this one has stored.
const LOCK_CLIENT = 'select pg_advisory_xact_lock(hashtextextended($1, 21))';

/** Stores a job and the event of its beginning; false where the client has `most` jobs waiting already. */
export const insertJob = (
  sql: Sql,
  {
    id,
    kind,
    client,
    request,
    event,
    most,
  }: Pick<Job, 'id' | 'kind' | 'client' | 'request'> & { readonly event: string; readonly most: number },
): Promise<boolean> =>
  inTransaction(sql, async (db) => {
    await db.unsafe(LOCK_CLIENT, [client], { prepare: true });
    const rows = await db.unsafe(
      `with done as (
  insert into fhir.job (id, kind, client, request) select $1::uuid, $2, $3, $4
  where (select count(*) from fhir.job where client = $3 and status = 'pending') < $5::int returning 1),
${EVENTS(6)}
select from done`,
      [id, kind, client, request, most, joinJson([event])],
    );
    return rows.length > 0;
  });

/** A job of this client's, undefined where there is none (any more). */
export const readJob = async (db: Db, id: string, client: string): Promise<JobRow | undefined> => {
  const [row] = await db.unsafe<JobRow[]>(
    `select id, kind, client, request, progress, status, result, (extract(epoch from now() - created) * 1000)::bigint as "ageMs",
  (extract(epoch from expires) * 1000)::bigint as "expiresMs"
from fhir.job where id = $1::uuid and client = $2 and status <> 'cancelled' and (expires is null or expires > now())`,
    [id, client],
    { prepare: true },
  );
  return row;
};

/** The oldest job of some kinds that nobody works on, with a lease for `leaseMs`. */
export const claimJob = async (
  db: Db,
  owner: string,
  { kinds, leaseMs }: { readonly kinds: readonly JobKindName[]; readonly leaseMs: number },
): Promise<Job | undefined> => {
  const [row] = await db.unsafe<Job[]>(
    `update fhir.job set owner = $1::uuid, lease_until = now() + $2::double precision * interval '1 millisecond', attempts = attempts + 1
where id = (select id from fhir.job where status = 'pending' and kind = any($3::text[]) and (lease_until is null or lease_until < now())
  order by created limit 1 for update skip locked)
returning id, kind, client, request, state, attempts`,
    [owner, leaseMs, textArray(kinds)],
    { prepare: true },
  );
  return row;
};

const MINE = `id = $1::uuid and owner = $2::uuid and status = 'pending'`;

/** How long ago a job was asked for. */
export const ageOfJobMs = async (db: Db, id: string): Promise<number> => {
  const [row] = await db.unsafe<{ ageMs: number }[]>(
    'select (extract(epoch from clock_timestamp() - created) * 1000)::double precision as "ageMs" from fhir.job where id = $1::uuid',
    [id],
  );
  return row?.ageMs ?? 0;
};

/** JSON of what the client may do now; undefined where there is no such job. */
export const scopesOfJob = async (db: Db, id: string): Promise<string | undefined> => {
  const [row] = await db.unsafe<{ scopes: string }[]>(
    `select fhir.current_scopes(client, (request::jsonb->'requester'->'scopes')::text, created) as scopes from fhir.job where id = $1::uuid`,
    [id],
    { prepare: true },
  );
  return row?.scopes;
};

/** Prolongs the lease; false where the job is another's or cancelled. */
export const keepJob = async (db: Db, id: string, owner: string, leaseMs: number): Promise<boolean> => {
  const text = `update fhir.job set lease_until = now() + $3::double precision * interval '1 millisecond' where ${MINE} returning 1`;
  return (await db.unsafe(text, [id, owner, leaseMs], { prepare: true })).length > 0;
};

/** Gives a job back, to be taken by anyone after `afterMs`. */
export const releaseJob = async (db: Db, id: string, owner: string, afterMs: number): Promise<void> => {
  const text = `update fhir.job set lease_until = now() + $3::double precision * interval '1 millisecond' where ${MINE}`;
  await db.unsafe(text, [id, owner, afterMs], { prepare: true });
};

export interface Checkpoint {
  readonly state: string;
  readonly progress: string;
  readonly events: readonly string[];
}

/** False where the job is another's or cancelled: then nothing is stored. */
export const checkpointJob = async (db: Db, id: string, owner: string, { state, progress, events }: Checkpoint): Promise<boolean> => {
  const rows = await db.unsafe(
    `with done as (update fhir.job set state = $3, progress = $4, attempts = 0 where ${MINE} returning 1),
${EVENTS(5)}
select from done`,
    [id, owner, state, progress, joinJson(events)],
    { prepare: true },
  );
  return rows.length > 0;
};

export const finishJob = async (
  db: Db,
  id: string,
  owner: string,
  { status, result, events, keepMs }: JobResult & { readonly keepMs: number },
): Promise<boolean> => {
  const rows = await db.unsafe(
    `with done as (update fhir.job set status = $3, result = $4, state = null, lease_until = null,
  expires = now() + $5::double precision * interval '1 millisecond' where ${MINE} returning 1),
${EVENTS(6)}
select from done`,
    [id, owner, status, result, keepMs, joinJson(events)],
    { prepare: true },
  );
  return rows.length > 0;
};

/** Cancels a job, or throws away what a finished one has made; false where the client has no such job. */
export const cancelJob = async (db: Db, id: string, client: string, event: string): Promise<boolean> => {
  const rows = await db.unsafe(
    `with done as (update fhir.job set status = 'cancelled', expires = now() where id = $1::uuid and client = $2 and status <> 'cancelled' returning 1),
${EVENTS(3)}
select from done`,
    [id, client, joinJson([event])],
  );
  return rows.length > 0;
};

/** Jobs whose time is over and that nobody works on. */
export const expiredJobs = (db: Db): Promise<{ id: string; kind: JobKindName }[]> =>
  db.unsafe(
    `select id, kind from fhir.job where expires < now() and (lease_until is null or lease_until < now()) order by expires limit 20`,
    [],
    { prepare: true },
  );

export const removeJob = async (db: Db, id: string): Promise<void> => {
  await db.unsafe(`delete from fhir.job where id = $1::uuid and expires < now()`, [id], { prepare: true });
};
