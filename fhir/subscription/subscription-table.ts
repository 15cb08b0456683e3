import { type Db, numberArray, textArray } from '../store/pool.ts';

/** A Subscription as it stands, with who wrote it. */
export interface SubscriptionRow {
  readonly rid: number;
  readonly id: string;
  readonly version: number;
  /** Null where it was deleted. */
  readonly body: string | null;
  readonly client: string;
  readonly fingerprint: string | null;
  /** JSON */
  readonly scopes: string;
  /** xid8: what was written by it or before isn't told. */
  readonly since: string;
  readonly attempts: number;
  /** Something is to be told, and its time has come. */
  readonly isDue: boolean;
}

export const readSubscriptions = (db: Db): Promise<SubscriptionRow[]> =>
  db.unsafe<SubscriptionRow[]>(
    `select s.rid, r.id, r.version, r.body, s.client, s.fingerprint, fhir.current_scopes(s.client, s.scopes, s.written) as scopes, s.since::text as since, s.attempts,
  s.next_attempt <= now() and exists (select from fhir.subscription_delivery d where d.subscription = s.rid) as "isDue"
from fhir.subscription s join fhir.resource r on r.rid = s.rid order by s.rid`,
    [],
    { prepare: true },
  );

/** A Subscription that is deleted or off is forgotten, with all that was to be told; back in time it starts as a new one. */
export const forget = async (db: Db, rid: number): Promise<void> => {
  await db.unsafe(
    'with gone as (delete from fhir.subscription_delivery where subscription = $1) delete from fhir.subscription where rid = $1',
    [rid],
    {
      prepare: true,
    },
  );
};

export interface Position {
  /** xid8 */
  readonly xid: string;
  readonly seq: number;
}

export interface WrittenEvent extends Position {
  /** `Type/id`; null where the event is of no version. */
  readonly resource: string | null;
  readonly version: number | null;
}

export const readPosition = async (db: Db): Promise<Position> => {
  const [row] = await db.unsafe<Position[]>('select xid::text as xid, seq from fhir.subscription_cursor', [], { prepare: true });
  return row!;
};

export const writtenAfter = (db: Db, { xid, seq }: Position, most: number): Promise<WrittenEvent[]> =>
  db.unsafe<WrittenEvent[]>(
    'select xid, seq, resource, version from fhir.written_after($1::text::xid8, $2::bigint, $3::int)',
    [xid, seq, most],
    {
      prepare: true,
    },
  );

export const isAnybodyTold = async (db: Db): Promise<boolean> => {
  const [row] = await db.unsafe<{ found: boolean }[]>('select exists (select from fhir.subscription) as found', [], { prepare: true });
  return row!.found;
};

/**
 * Passes what lies below the horizon while nobody is to be told; one statement, so that it sees a Subscription or comes before it. Small
 * steps are left for later, since each is a transaction itself.
 */
export const passWhileNobody = async (db: Db): Promise<void> => {
  await db.unsafe(
    `update fhir.subscription_cursor set xid = pg_snapshot_xmin(pg_current_snapshot()), seq = 0
where not exists (select from fhir.subscription) and xid::text::bigint < pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1000`,
    [],
    { prepare: true },
  );
};

/** False where another worker has moved it: then this one leads no more. */
export const movePosition = async (db: Db, from: Position, to: Position): Promise<boolean> => {
  const text = `update fhir.subscription_cursor set xid = $1::text::xid8, seq = $2
where xid = $3::text::xid8 and seq = $4 returning 1`;
  return (await db.unsafe(text, [to.xid, to.seq, from.xid, from.seq], { prepare: true })).length > 0;
};

export interface Delivery extends Position {
  readonly subscription: number;
  readonly typeId: number;
  readonly id: string;
  readonly version: number;
}

export const addDeliveries = async (db: Db, deliveries: readonly Delivery[]): Promise<void> => {
  await db.unsafe(
    `insert into fhir.subscription_delivery (subscription, xid, seq, type, id, version)
select i.subscription, i.xid::xid8, i.seq, i.type, i.id, i.version
from unnest($1::bigint[], $2::text[], $3::bigint[], $4::smallint[], $5::text[], $6::int[]) as i(subscription, xid, seq, type, id, version)`,
    [
      numberArray(deliveries.map(({ subscription }) => subscription)),
      textArray(deliveries.map(({ xid }) => xid)),
      numberArray(deliveries.map(({ seq }) => seq)),
      numberArray(deliveries.map(({ typeId }) => typeId)),
      textArray(deliveries.map(({ id }) => id)),
      numberArray(deliveries.map(({ version }) => version)),
    ],
    { prepare: true },
  );
};

/**
 * The oldest that is to be told; undefined where there is none, or where the Subscription or what its client may do isn't any more what
 * was read: a backlog can take hours.
 */
export const nextDelivery = async (
  db: Db,
  { rid, version, scopes }: Pick<SubscriptionRow, 'rid' | 'version' | 'scopes'>,
): Promise<Delivery | undefined> => {
  const [row] = await db.unsafe<Delivery[]>(
    `select d.subscription, d.xid::text as xid, d.seq, d.type as "typeId", d.id, d.version
from fhir.subscription_delivery d join fhir.subscription s on s.rid = d.subscription join fhir.resource r on r.rid = s.rid
where d.subscription = $1 and r.version = $2 and fhir.current_scopes(s.client, s.scopes, s.written) = $3 order by d.xid, d.seq limit 1`,
    [rid, version, scopes],
    { prepare: true },
  );
  return row;
};

/** It was told, or needn't be. */
export const removeDelivery = async (db: Db, { subscription, xid, seq }: Delivery): Promise<void> => {
  await db.unsafe(
    `with told as (delete from fhir.subscription_delivery where subscription = $1 and xid = $2::text::xid8 and seq = $3)
update fhir.subscription set attempts = 0 where rid = $1 and attempts > 0`,
    [subscription, xid, seq],
    { prepare: true },
  );
};

/** Counts an attempt that failed, and says when the next one is. */
export const postpone = async (db: Db, rid: number, delayMs: number): Promise<void> => {
  await db.unsafe(
    `update fhir.subscription set attempts = attempts + 1, next_attempt = now() + $2::double precision * interval '1 millisecond' where rid = $1`,
    [rid, delayMs],
    { prepare: true },
  );
};

export interface HeadVersion {
  readonly name: string;
  readonly version: number;
  readonly deleted: boolean;
}

/** The versions that resources are at. */
export const headVersions = (
  db: Db,
  names: readonly { readonly name: string; readonly typeId: number; readonly id: string }[],
): Promise<HeadVersion[]> =>
  db.unsafe<HeadVersion[]>(
    `select w.name, r.version, r.deleted from unnest($1::text[], $2::smallint[], $3::text[]) as w(name, type, id) join fhir.resource r using (type, id)`,
    [textArray(names.map(({ name }) => name)), numberArray(names.map(({ typeId }) => typeId)), textArray(names.map(({ id }) => id))],
    { prepare: true },
  );
