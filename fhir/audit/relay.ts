import type { Db, Sql } from '../store/pool.ts';
import type { StoredEvent } from './bucket-format.ts';
import type { Bucket } from './bucket.ts';
import { createSealer, type FaultPoint, ForkError, segmentOf, type Sealer, signedSize } from './sealer.ts';
import type { SigningKey } from './signing-key.ts';
import { inTransaction } from './verified-commit.ts';

export interface RelayOptions {
  /** For the role audit_relay. */
  readonly sql: Sql;
  readonly bucket: Bucket;
  readonly key: SigningKey;
  readonly log: { info(fields: object, message: string): void; error(fields: object, message: string): void };
  readonly fault?: (point: FaultPoint) => void;
  /** Milliseconds that each of the events waited from being recorded to being sealed. */
  readonly onSealed?: (lagsMs: readonly number[], unsealed: number) => void;
  readonly onLeading?: (leading: boolean) => void;
}

const MAX_EVENTS = 8192;
const MAX_BYTES = 4 << 20;
/** An event waits at most this long for others to share its segment. */
const MAX_WAIT_MS = 500;
const POLL_MS = 100;
const HEARTBEAT_MS = 60_000;
const MAINTENANCE_MS = 3_600_000;
const LEADER_LOCK = 7_265_170_434;

interface Row {
  readonly xid: string;
  readonly seq: number;
  readonly recorded: string;
  readonly body: string;
  readonly age: number;
}

const COLUMNS = `xid::text as xid, seq, to_char(recorded at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as recorded, body,
  (extract(epoch from clock_timestamp() - recorded) * 1000)::double precision as age`;

// Below the horizon every transaction has ended, so that nothing can appear there later: a poll by sequence alone loses events of
// transactions that commit late.
const NEXT = `select ${COLUMNS} from audit.event
where xid < pg_snapshot_xmin(pg_current_snapshot()) and (xid, seq) > ($1::text::xid8, $2::bigint) order by xid, seq limit ${MAX_EVENTS}`;
const PLANNED = `select ${COLUMNS} from audit.event
where (xid, seq) > ($1::text::xid8, $2::bigint) and (xid, seq) <= ($3::text::xid8, $4::bigint) order by xid, seq`;

interface Cursor {
  readonly xid: string;
  readonly seq: number;
}

interface PlannedRow extends Cursor {
  readonly first: number;
  readonly count: number;
  readonly sha256: Buffer;
  readonly isSealed: boolean;
}

/** Seals events until `stop`; throws ForkError where bucket and database tell two histories, and whatever the database throws. */
export const createRelay = ({
  sql,
  bucket,
  key,
  log,
  fault,
  onSealed = () => undefined,
  onLeading = () => undefined,
}: RelayOptions): { run(): Promise<void>; stop(): void } => {
  const stopping = new AbortController();
  let wake: () => void = () => undefined;
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const lead = async (db: Db): Promise<void> => {
    const [row] = await db.unsafe<{ fence: number }[]>('update audit.leader set fence = fence + 1 returning fence');
    const fence = row!.fence;
    const { sealer, cursor: start } = await recover(db);
    log.info({ fence, size: sealer.size() }, 'leading');
    onLeading(true);
    let cursor = start;
    let waiting = 0;
    let beatAt = Date.now();
    let maintainedAt = 0;
    while (!stopping.signal.aborted) {
      if (Date.now() - maintainedAt > MAINTENANCE_MS) {
        await db.unsafe('select audit.add_partitions(7)');
        maintainedAt = Date.now();
      }
      const rows = await db.unsafe<Row[]>(NEXT, [cursor.xid, cursor.seq], { prepare: true });
      const taken = upTo(rows, MAX_BYTES);
      const isFull = taken.length < rows.length || taken.length === MAX_EVENTS;
      if (taken.length > 0 && (isFull || waiting >= MAX_WAIT_MS || Math.max(...taken.map(({ age }) => age)) >= MAX_WAIT_MS)) {
        cursor = await sealNext(db, sealer, fence, taken);
        onSealed(
          taken.map(({ age }) => age),
          rows.length - taken.length,
        );
        waiting = 0;
        beatAt = Date.now();
        if (isFull) continue;
      } else if (taken.length > 0) waiting += POLL_MS;
      else if (Date.now() - beatAt >= HEARTBEAT_MS) {
        sealer.heartbeat();
        beatAt = Date.now();
      }
      await pause(POLL_MS);
    }
    // What is there when we are told to stop is sealed before we go.
    for (;;) {
      const rows = await db.unsafe<Row[]>(NEXT, [cursor.xid, cursor.seq], { prepare: true });
      if (rows.length === 0) break;
      cursor = await sealNext(db, sealer, fence, upTo(rows, MAX_BYTES));
    }
  };

  const sealNext = async (db: Db, sealer: Sealer, fence: number, rows: readonly Row[]): Promise<Cursor> => {
    const segment = segmentOf(sealer.size(), rows);
    const last = rows.at(-1)!;
    // The plan is durable before the bucket is touched: whoever takes over makes the same bytes for the same place.
    await inTransaction(sql, async (tx) => {
      const planned = await tx.unsafe(
        `insert into audit.segment (first_index, count, to_xid, to_seq, sha256, fence)
select $1::bigint, $2::integer, $3::text::xid8, $4::bigint, decode($5, 'hex'), $6::bigint from audit.leader where fence = $6::bigint for share returning 1`,
        [segment.first, segment.count, last.xid, last.seq, segment.sha256.toString('hex'), fence],
      );
      if (planned.length === 0) throw new Error('another relay leads now');
    });
    sealer.seal(segment);
    await db.unsafe('insert into audit.sealed (first_index) values ($1)', [segment.first]);
    return { xid: last.xid, seq: last.seq };
  };

  /** Finishes what a former leader has planned, and finds where to go on. */
  const recover = async (db: Db): Promise<{ sealer: Sealer; cursor: Cursor }> => {
    const tail = await db.unsafe<PlannedRow[]>(
      `select s.first_index as first, s.count, s.to_xid::text as xid, s.to_seq as seq, s.sha256, d.first_index is not null as "isSealed"
from audit.segment s left join audit.sealed d using (first_index) order by s.first_index desc limit 2`,
    );
    const [last, before] = tail;
    const signed = signedSize(bucket, key);
    const sealedSize = last === undefined ? 0 : last.isSealed ? last.first + last.count : last.first;
    if (signed !== sealedSize && !(last !== undefined && !last.isSealed && signed === last.first + last.count)) {
      throw new ForkError(
        `the bucket has signed ${signed} events and the database knows of ${sealedSize}: was one of them restored from a backup?`,
      );
    }
    const sealer = createSealer({ bucket, key, size: Math.min(signed, sealedSize), ...(fault && { fault }) });
    if (last === undefined) return { sealer, cursor: { xid: '0', seq: 0 } };
    if (!last.isSealed) {
      const from = before ?? { xid: '0', seq: 0 };
      const rows = await db.unsafe<Row[]>(PLANNED, [from.xid, from.seq, last.xid, last.seq]);
      const segment = segmentOf(last.first, rows as readonly StoredEvent[]);
      if (!segment.sha256.equals(last.sha256))
        throw new ForkError(`segment ${last.first} was planned with other events than the database has now`);
      sealer.seal(segment);
      await db.unsafe('insert into audit.sealed (first_index) values ($1)', [last.first]);
    }
    return { sealer, cursor: { xid: last.xid, seq: last.seq } };
  };

  return {
    run: async () => {
      // One session holds the lock as long as it leads; if it dies, the lock is free.
      const session = await sql.reserve();
      try {
        for (let told = false; !stopping.signal.aborted;) {
          const [row] = await session.unsafe<{ locked: boolean }[]>(`select pg_try_advisory_lock(${LEADER_LOCK}) as locked`);
          if (row!.locked) {
            await lead(session);
            return;
          }
          if (!told) log.info({}, 'another relay leads, waiting');
          told = true;
          await pause(500);
        }
      } finally {
        onLeading(false);
        session.release();
      }
    },
    stop: () => {
      stopping.abort();
      wake();
    },
  };
};

const upTo = (rows: readonly Row[], maxBytes: number): readonly Row[] => {
  let bytes = 0;
  const end = rows.findIndex(({ body }) => (bytes += body.length + 120) > maxBytes);
  return end === -1 ? rows : rows.slice(0, Math.max(1, end));
};
