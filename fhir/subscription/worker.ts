/** Tells subscribers what was written: one worker of all replicas reads the order of writes, finds who is to be told, and sends. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inTransaction } from '../audit/verified-commit.ts';
import { FhirError } from '../http/outcome.ts';
import { StillIndexed } from '../search/parsing.ts';
import type { Server } from '../server.ts';
import type { EndpointCheck } from './endpoint.ts';
import { createLoopGuard, type LoopGuard } from './loop-guard.ts';
import { matching, readHeadVersions } from './match.ts';
import { setStatus, type Subscriber, subscriberOf, tellAll } from './subscriber.ts';
import {
  addDeliveries,
  type Delivery,
  forget,
  isAnybodyTold,
  movePosition,
  passWhileNobody,
  type Position,
  readPosition,
  readSubscriptions,
  type SubscriptionRow,
  type WrittenEvent,
  writtenAfter,
} from './subscription-table.ts';

export interface SubscriptionOptions {
  /** With `db`, `sql` and `lane` for this worker alone. */
  readonly server: Server;
  readonly isAllowed: EndpointCheck;
  readonly maxAttempts: number;
  /** Hears of faults; never gets anything that a client sent. */
  readonly onFault: (fault: { readonly job: string; readonly error: unknown }) => void;
  readonly pollMs?: number;
}

const LEADER_LOCK = 7_265_170_435; // any constant that no other user of this database takes
const STANDBY_MS = 1000;
const MAX_EVENTS = 2000;
/** So long all wait for a search parameter that somebody's criteria need, and that was defined anew. */
const INDEXING_MS = 300_000;
/** Subscriptions that are told at the same time; of those that weren't taken the last time fewer, since each may take until its timeout. */
const MAX_SENDERS = 8;
const MAX_RETRIES = 4;

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).then(
    () => undefined,
    () => undefined,
  );

/** When to begin nothing more, and when to let go of what is under way too. */
interface Until {
  readonly ending: AbortSignal;
  readonly cut: AbortSignal;
}

export interface Subscriptions {
  /** Finishes the notifications that are under way, and cuts those that take longer: these come again from whoever leads next. */
  readonly close: (patienceMs: number) => Promise<void>;
}

export const startSubscriptions = (options: SubscriptionOptions): Subscriptions => {
  const stopping = new AbortController();
  const cutting = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await leadIfFree(options, { ending: stopping.signal, cut: cutting.signal });
      } catch (error) {
        if (!stopping.signal.aborted) options.onFault({ job: 'subscriptions', error });
      }
      await pause(STANDBY_MS, stopping.signal);
    }
  };
  const running = run();
  return {
    close: async (patienceMs) => {
      stopping.abort();
      const timer = setTimeout(() => cutting.abort(), patienceMs);
      await running;
      clearTimeout(timer);
    },
  };
};

/** Returns where another worker leads, or this one is to stop; throws where the connection that holds the lead is lost. */
const leadIfFree = async (options: SubscriptionOptions, { ending, cut }: Until): Promise<void> => {
  const session = await options.server.sql.reserve();
  const ended = new AbortController();
  let leading: Promise<void> = Promise.resolve();
  try {
    const [row] = await session.unsafe<{ locked: boolean }[]>(`select pg_try_advisory_lock(${LEADER_LOCK}) as locked`);
    if (!row!.locked) return;
    leading = lead(options, { ending: AbortSignal.any([ending, ended.signal]), cut: AbortSignal.any([cut, ended.signal]) });
    await session.untilLost(leading);
  } finally {
    ended.abort();
    await leading.catch(() => undefined);
    // The connection goes back to others, and the lock would go with it.
    await session.untilLost(session.unsafe('select pg_advisory_unlock_all()')).catch(() => undefined);
    session.release();
  }
};

const lead = async (options: SubscriptionOptions, { ending, cut }: Until): Promise<void> => {
  const { server, maxAttempts, onFault, pollMs = 250 } = options;
  const senders = new Map<number, Promise<void>>();
  const retries = new Set<number>();
  const turns = new Map<number, number>();
  const guard = createLoopGuard();
  let waitingSince: number | undefined;
  try {
    while (!ending.aborted) {
      if (!(await isAnybodyTold(server.db))) {
        await passWhileNobody(server.db);
        await pause(STANDBY_MS, ending);
        continue;
      }
      const isPatient = waitingSince === undefined || Date.now() - waitingSince < INDEXING_MS;
      const found = await findWhoIsTold(options, guard, isPatient);
      if (found !== 'waits') waitingSince = undefined;
      else waitingSince ??= Date.now();
      for (const subscriber of inTurn(await currentSubscribers(options), turns)) {
        const { rid, id, attempts, isDue } = subscriber.row;
        if (!isDue || senders.has(rid) || senders.size >= MAX_SENDERS || (attempts > 0 && retries.size >= MAX_RETRIES)) continue;
        if (attempts > 0) retries.add(rid);
        turns.set(rid, Date.now());
        const telling = tellAll(server, subscriber, { maxAttempts, ending, cut })
          .catch((error: unknown) => {
            if (!cut.aborted) onFault({ job: `Subscription/${id}`, error });
          })
          .finally(() => {
            senders.delete(rid);
            retries.delete(rid);
          });
        senders.set(rid, telling);
      }
      if (found !== 'more') await pause(found === 'waits' ? STANDBY_MS : pollMs, ending);
    }
  } finally {
    await Promise.all(senders.values());
  }
};

/** Who has waited longest comes first. `turns` says when each was told the last time, and forgets those that aren't there any more. */
const inTurn = (subscribers: readonly Subscriber[], turns: Map<number, number>): Subscriber[] => {
  const current = new Set(subscribers.map(({ row }) => row.rid));
  for (const rid of turns.keys()) if (!current.has(rid)) turns.delete(rid);
  return subscribers.toSorted((a, b) => (turns.get(a.row.rid) ?? 0) - (turns.get(b.row.rid) ?? 0));
};

/** Those that are active; on the way, requested ones become active, ended ones off, impossible ones an error. */
const currentSubscribers = async ({ server, isAllowed }: SubscriptionOptions): Promise<readonly Subscriber[]> => {
  const current: Subscriber[] = [];
  for (const row of await readSubscriptions(server.db)) {
    const subscriber = await settle(server, row, isAllowed);
    if (subscriber !== undefined) current.push(subscriber);
  }
  return current;
};

const settle = async (server: Server, row: SubscriptionRow, isAllowed: EndpointCheck): Promise<Subscriber | undefined> => {
  if (row.body === null || (JSON.parse(row.body) as { status: string }).status === 'off') {
    await forget(server.db, row.rid);
    return undefined;
  }
  let subscriber: Subscriber | undefined;
  try {
    subscriber = subscriberOf(server, row, isAllowed);
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    await setStatus(server, row, 'error', error.message);
    return undefined;
  }
  if (subscriber === undefined) return undefined;
  if (subscriber.terms.endMs !== undefined && subscriber.terms.endMs <= Date.now()) {
    await setStatus(server, row, 'off');
    return undefined;
  }
  if (subscriber.status === 'active') return subscriber;
  await setStatus(server, row, 'active');
  return undefined; // read again as it is then
};

interface Written extends Position {
  readonly type: string;
  readonly id: string;
  readonly version: number;
}

const writtenOf = ({ xid, seq, resource, version }: WrittenEvent): Written[] => {
  if (resource === null || version === null) return [];
  const [type, id] = resource.split('/') as [string, string];
  return [{ xid, seq, type, id, version }];
};

/** Whether there may be more at once; `waits` where nothing was noted, since criteria can't be judged for now. */
type Found = 'more' | 'all' | 'waits';

/** Looks at the next writes and notes who is to be told of which. */
const findWhoIsTold = async (options: SubscriptionOptions, guard: LoopGuard, isPatient: boolean): Promise<Found> => {
  try {
    return await noteWhoIsTold(options, guard, isPatient);
  } catch (error) {
    if (error instanceof StillIndexed) return 'waits';
    throw error;
  }
};

const noteWhoIsTold = async (options: SubscriptionOptions, guard: LoopGuard, isPatient: boolean): Promise<Found> => {
  const { server, isAllowed } = options;
  const from = await readPosition(server.db);
  const events = await writtenAfter(server.db, from, MAX_EVENTS);
  const last = events.at(-1);
  if (last === undefined) return 'all';
  const written = events.flatMap(writtenOf);
  const broken: { row: SubscriptionRow; reason: string }[] = [];
  const noted: { row: SubscriptionRow; found: readonly Written[] }[] = [];
  await inTransaction(server.sql, async (db) => {
    // One state for all that is asked below. The events were read before it: each is in it.
    await db.unsafe('set transaction isolation level repeatable read');
    const deliveries: Delivery[] = [];
    const subscribers = (await readSubscriptions(db)).flatMap((row) => {
      try {
        return subscriberOf(server, row, isAllowed) ?? [];
      } catch (error) {
        if (!(error instanceof FhirError)) throw error;
        return []; // told in its status by the next look at it
      }
    });
    const types = new Set(subscribers.map(({ terms }) => terms.type));
    const versions = written.filter(({ type }) => types.has(type));
    const heads = versions.length === 0 ? new Map() : await readHeadVersions(server, db, versions);
    for (const { row, terms, identity } of subscribers) {
      const own = versions.filter(({ type, xid }) => type === terms.type && BigInt(xid) > BigInt(row.since));
      if (own.length === 0) continue;
      await db.unsafe('savepoint matching');
      try {
        const found = await matching(server, db, { ...terms, scopes: identity.scopes }, { versions: own, heads });
        noted.push({ row, found });
        const typeId = server.registry.typeId(terms.type);
        deliveries.push(...found.map(({ xid, seq, id, version }) => ({ subscription: row.rid, xid, seq, typeId, id, version })));
      } catch (error) {
        await db.unsafe('rollback to savepoint matching');
        if (isPatient && error instanceof StillIndexed) throw error;
        if (!(error instanceof FhirError) && (error as { code?: unknown }).code !== '57014') throw error;
        broken.push({
          row,
          reason: error instanceof FhirError ? error.message : 'the criteria take too long to be judged: make them simpler',
        });
      }
    }
    if (deliveries.length > 0) await addDeliveries(db, deliveries);
    if (!(await movePosition(db, from, last))) throw new Error('another worker tells subscribers: this one leads no more');
  });
  // Counted where it was noted for good: what is undone is found again.
  for (const { row, found } of noted) {
    const looping = found.find((each) => guard.isTooOften(`${row.rid} ${each.type}/${each.id}`));
    if (looping === undefined) continue;
    const reason = `${looping.type}/${looping.id} changes with every notification of it: the receiver must not write what it is told`;
    broken.push({ row, reason });
  }
  for (const { row, reason } of broken) await setStatus(server, row, 'error', reason);
  return events.length >= MAX_EVENTS ? 'more' : 'all';
};
