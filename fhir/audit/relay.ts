import { setTimeout as sleep } from 'node:timers/promises';
import { isLockTimeout } from '../store/errors.ts';
import type { Sql } from '../store/pool.ts';
import type { Bucket } from './bucket.ts';
import { breathe } from './breath.ts';
import { type Backlog, isFull, nextEvents, readBacklog, START } from './event-feed.ts';
import { finishSegment, recoverLog } from './recovery.ts';
import type { FaultPoint } from './sealer.ts';
import { lastPlanned, planSegment, requireLead, takeLead } from './segment-plan.ts';
import { draftSegment } from './segment.ts';
import type { SigningKey } from './signing-key.ts';
import { assertDurable } from './verified-commit.ts';

export interface RelayOptions {
  /** Three connections for the role audit_relay, closed by the relay. */
  readonly connect: () => Sql;
  readonly bucket: Bucket;
  readonly key: SigningKey;
  readonly signal: AbortSignal;
  readonly fault?: (point: FaultPoint) => void;
  readonly heartbeatMs?: number;
  /** Sealed events stay in the database for so long. */
  readonly keepHours?: number;
  /** Hears how many partitions of the database were dropped. */
  readonly onDropped?: (partitions: number) => void;
  readonly onLead?: (state: { readonly fence: number; readonly size: number }) => void;
  readonly onStandby?: () => void;
  /** Milliseconds from recorded to sealed, of each event. */
  readonly onSealed?: (lagsMs: readonly number[]) => void;
  readonly onBacklog?: (backlog: Backlog) => void;
}

/** Fetched at once: PostgreSQL's process takes no breath within a statement, of which each opens all partitions (0.3 ms). */
const FEED = { events: 256, bytes: 1 << 20 };
/** Hashed between two breaths. */
const BREATH_EVENTS = 64;
/** An event waits this long, since it was recorded, for others to share its segment. */
const MAX_WAIT_MS = 800;
const POLL_MS = { least: 20, most: 250 };
/** So many new events at one poll mean that the next one comes soon. */
const BUSY_EVENTS = 1000;
const BACKLOG_MS = 2000;
const UPKEEP_MS = 60_000;
/** Partitions made ahead; what comes later than they reach has the default one. */
const HOURS_AHEAD = 6;
export const LEADER_LOCK = 7_265_170_434; // any constant that no other user of this database takes
const STANDBY_POLL_MS = 500;

/**
 * Seals events until `signal` aborts, and then what is left; waits while another relay leads. Throws ForkError where bucket and database
 * tell two histories, UnfitBucketError where the bucket can't keep them, DeposedError where another relay has taken over, and whatever
 * database and store throw: all but the first two are for trying again.
 */
export const runRelay = async (options: RelayOptions): Promise<void> => {
  const { connect, signal, onStandby = () => undefined, onBacklog } = options;
  const sql = connect();
  let stopWatching = (): void => undefined;
  try {
    await assertDurable(sql);
    const session = await sql.reserve();
    for (let told = false; !signal.aborted;) {
      // The lock is the session's and ends with it: `sql` is closed whatever happens.
      const [row] = await session.unsafe<{ locked: boolean }[]>(`select pg_try_advisory_lock(${LEADER_LOCK}) as locked`);
      if (row!.locked) {
        if (onBacklog !== undefined) stopWatching = watchBacklog(sql, onBacklog);
        return await lead(sql, options);
      }
      if (!told) onStandby();
      told = true;
      await pause(STANDBY_POLL_MS, signal);
    }
  } finally {
    stopWatching();
    await sql.end({ timeout: 1 });
  }
};

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).then(
    () => undefined,
    () => undefined,
  );

/** Measures how far behind sealing is, also while the bucket doesn't answer, until the returned function is called. */
const watchBacklog = (sql: Sql, onBacklog: (backlog: Backlog) => void): (() => void) => {
  let asks = false;
  const measure = async (): Promise<void> => {
    if (asks) return;
    asks = true;
    try {
      const sealed = (await lastPlanned(sql, 2)).find(({ isSealed }) => isSealed);
      onBacklog(await readBacklog(sql, sealed ?? START));
    } catch {
      // Whoever seals finds out that the database is gone.
    } finally {
      asks = false;
    }
  };
  void measure();
  const timer = setInterval(() => void measure(), BACKLOG_MS);
  return () => clearInterval(timer);
};

const lead = async (sql: Sql, options: RelayOptions): Promise<void> => {
  const { bucket, key, signal, heartbeatMs = 30_000, fault = () => undefined, onSealed = () => undefined } = options;
  const fence = await takeLead(sql);
  await bucket.prepare();
  const recovered = await recoverLog({ sql, fence, bucket, key, fault });
  const { sealer } = recovered;
  options.onLead?.({ fence, size: sealer.size() });

  let cursor = recovered.cursor;
  let draft = draftSegment(sealer.size());
  /** When each event of the draft was recorded. */
  let recordedMs: number[] = [];
  const cutAt = (): number => (recordedMs[0] ?? Infinity) + MAX_WAIT_MS;
  let pollMs = POLL_MS.least;
  let fresh = 0;
  // A heartbeat at once: an auditor sees that somebody leads.
  const due = { heartbeat: 0, upkeep: 0 };

  /** Seals the draft, which ends at `cursor`, and begins the next. */
  const seal = async (): Promise<void> => {
    const segment = draft.finish();
    await planSegment(sql, segment, cursor, fence);
    await finishSegment({ sql, fence, fault }, sealer, segment);
    const sealedAt = performance.now();
    onSealed(recordedMs.map((each) => sealedAt - each));
    due.heartbeat = sealedAt + heartbeatMs;
    draft = draftSegment(sealer.size());
    recordedMs = [];
  };

  for (;;) {
    const isEnding = signal.aborted;
    const now = performance.now();
    if (now >= due.upkeep) {
      await keepPartitions(sql, options);
      due.upkeep = now + UPKEEP_MS;
    }
    const events = await nextEvents(sql, cursor, FEED);
    const readAt = performance.now();
    for (const event of events) {
      draft.add(event);
      recordedMs.push(readAt - event.ageMs);
      cursor = event;
      if (draft.isFull()) await seal();
      if (recordedMs.length % BREATH_EVENTS === 0) await breathe();
    }
    fresh += events.length;
    if (isFull(events, FEED)) {
      await breathe();
      continue;
    }
    if (recordedMs.length > 0 && (isEnding || performance.now() >= cutAt())) await seal();
    if (performance.now() >= due.heartbeat || (isEnding && events.length === 0)) {
      await requireLead(sql, fence);
      await sealer.sign();
      due.heartbeat = performance.now() + heartbeatMs;
    }
    if (isEnding && events.length === 0) return;
    pollMs = fresh >= BUSY_EVENTS ? POLL_MS.least : Math.min(POLL_MS.most, pollMs * 2);
    fresh = 0;
    if (!isEnding) await pause(Math.max(1, Math.min(pollMs, cutAt() - performance.now())), signal);
  }
};

/** Makes the partitions of the next hours, and drops what is sealed and old enough. */
const keepPartitions = async (sql: Sql, { keepHours = 24, onDropped = () => undefined }: RelayOptions): Promise<void> => {
  try {
    await sql.unsafe('select audit.add_partitions($1)', [HOURS_AHEAD]);
    const [row] = await sql.unsafe<{ dropped: number }[]>(`select audit.drop_sealed($1 * interval '1 hour') as dropped`, [keepHours]);
    if (row!.dropped > 0) onDropped(row!.dropped);
    await sql.unsafe(`select audit.forget_segments($1 * interval '1 hour')`, [keepHours]);
  } catch (error) {
    // Somebody has a table for long: the next time will do.
    if (!isLockTimeout(error)) throw error;
  }
};
