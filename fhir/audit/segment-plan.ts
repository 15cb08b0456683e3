import type { Db, Sql } from '../store/pool.ts';
import type { Cursor } from './event-feed.ts';
import type { Segment } from './segment.ts';
import { inTransaction } from './verified-commit.ts';

/** Somebody else seals now: this relay steps back. */
export class DeposedError extends Error {
  override readonly name = 'DeposedError';
}

/** Becomes the leader; whoever led before can plan nothing any more. */
export const takeLead = async (db: Db): Promise<number> => {
  const [row] = await db.unsafe<{ fence: number }[]>('update audit.leader set fence = fence + 1 returning fence');
  return row!.fence;
};

/** Throws DeposedError where another relay has taken the lead. */
export const requireLead = async (db: Db, fence: number): Promise<void> => {
  const found = await db.unsafe('select 1 from audit.leader where fence = $1::bigint', [fence], { prepare: true });
  if (found.length === 0) throw new DeposedError('another relay leads now');
};

export interface PlannedSegment extends Cursor {
  readonly first: number;
  readonly count: number;
  readonly sha256: Buffer;
  readonly isSealed: boolean;
}

/** The last planned segments, newest first. Only the newest can be unsealed: nothing is planned before its forerunner is sealed. */
export const lastPlanned = (db: Db, limit: number): Promise<PlannedSegment[]> =>
  db.unsafe<PlannedSegment[]>(
    `select s.first_index as first, s.count, s.to_xid::text as xid, s.to_seq as seq, s.sha256, d.first_index is not null as "isSealed"
from audit.segment s left join audit.sealed d using (first_index) order by s.first_index desc limit $1`,
    [limit],
  );

/** Durable before the bucket is touched, so that whoever takes over makes the same bytes for the same place. */
export const planSegment = (sql: Sql, { first, count, sha256 }: Segment, { xid, seq }: Cursor, fence: number): Promise<void> =>
  inTransaction(sql, async (db) => {
    const planned = await db.unsafe(
      `insert into audit.segment (first_index, count, to_xid, to_seq, sha256, fence)
select $1::bigint, $2::integer, $3::text::xid8, $4::bigint, decode($5, 'hex'), fence from audit.leader where fence = $6::bigint for share
returning 1`,
      [first, count, xid, seq, sha256.toString('hex'), fence],
      { prepare: true },
    );
    if (planned.length === 0) throw new DeposedError('another relay leads now');
  });

/** If this is lost the segment is put again, which changes nothing. */
export const markSealed = async (db: Db, { first }: Pick<Segment, 'first'>): Promise<void> => {
  await db.unsafe('insert into audit.sealed (first_index) values ($1) on conflict do nothing', [first], { prepare: true });
};
