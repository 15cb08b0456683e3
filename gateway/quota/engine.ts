import { type Answer, type Counts, take, type Take, type Taken } from './counter-model.ts';
import type { Limit } from './limits.ts';
import type { RedisCounter } from './redis-counter.ts';

/** What is left of one limit. */
export interface LimitState {
  readonly limit: Limit;
  readonly remaining: number;
  readonly resetMs: number;
}

export type QuotaDecision =
  | { readonly kind: 'allowed'; readonly states: readonly LimitState[] }
  /** `exceeded` are those that would have been passed; the client waits for the longest. */
  | { readonly kind: 'exceeded'; readonly states: readonly LimitState[]; readonly exceeded: readonly LimitState[] }
  /** Redis doesn't answer and a limit says deny. */
  | { readonly kind: 'unavailable'; readonly limit: Limit };

export interface QuotaEngine {
  /** Takes `cost` from every limit or from none; answers at once where leases cover it. */
  decide(client: string, limits: readonly Limit[], cost: number): QuotaDecision | Promise<QuotaDecision>;
}

/** From this limit on, some of it is fetched from Redis in advance, so that most requests don't ask Redis. */
const LEASED_FROM = 1000;
/** At most this part of what is left is leased at once: near its end a limit is counted exactly. */
const LEASE_PART = 100;
const MAX_LEASE = 500;
/** Leases and local counts are dropped when there are more. */
const MAX_KEYS = 100_000;

/** What was taken of a count, and when that count ends. */
interface Debt {
  readonly used: number;
  readonly endsMs: number;
}

interface Lease {
  left: number;
  /** In Redis, when the lease was taken. */
  remaining: number;
  readonly endsMs: number;
}

/** Length-prefixed, so that no two limits share a count whatever their names are; in one slot of a cluster per client. */
const keyOf = (client: string, { name, periodMs, limit }: Limit): string =>
  `quota:{${client.length}:${client}}${name.length}:${name}:${periodMs}:${limit}`;

export const createQuotaEngine = (redis: RedisCounter, now: () => number = () => performance.now()): QuotaEngine => {
  const leases = new Map<string, Lease>();
  const local: Counts = new Map();
  /** Taken while Redis was away, and not counted there yet. */
  const owed: Counts = new Map();

  const leased = (key: string, cost: number, nowMs: number): Lease | undefined => {
    const lease = leases.get(key);
    return lease !== undefined && lease.endsMs > nowMs && lease.left >= cost ? lease : undefined;
  };

  const fromLeases = (keys: readonly string[], limits: readonly Limit[], cost: number, nowMs: number): QuotaDecision | undefined => {
    const found: Lease[] = [];
    for (const key of keys) {
      const lease = leased(key, cost, nowMs);
      if (lease === undefined) return undefined;
      found.push(lease);
    }
    for (const lease of found) lease.left -= cost;
    return {
      kind: 'allowed',
      states: found.map((lease, i) => ({ limit: limits[i]!, remaining: lease.remaining + lease.left, resetMs: lease.endsMs - nowMs })),
    };
  };

  const sizeOf = (key: string, { limit, isShadow }: Limit, cost: number): number => {
    if (limit < LEASED_FROM || isShadow) return cost;
    const remaining = leases.get(key)?.remaining ?? limit;
    return Math.max(cost, Math.min(MAX_LEASE, Math.floor(Math.min(remaining, limit) / LEASE_PART)));
  };

  const fromRedis = async (keys: readonly string[], limits: readonly Limit[], cost: number): Promise<QuotaDecision> => {
    const askedMs = now();
    const debts = keys.map((key) => claimDebt(key, askedMs));
    const takes = limits.map((limit, i): Take => ({
      key: keys[i]!,
      limit: limit.isShadow ? -1 : limit.limit,
      periodMs: limit.periodMs,
      needed: cost + debts[i]!.used,
      wanted: sizeOf(keys[i]!, limit, cost) + debts[i]!.used,
    }));
    const answer = await redis.take(takes);
    if (answer === undefined || !answer.allowed) for (const [i, key] of keys.entries()) owe(key, debts[i]!);
    if (answer === undefined) return withoutRedis(keys, limits, cost);
    remember(keys, limits, answer, askedMs);
    if (leases.size > MAX_KEYS) leases.clear();
    const states = answer.counts.map((count, i): LimitState => {
      const limit = limits[i]!;
      if (!answer.allowed) return { limit, remaining: count.remaining, resetMs: count.resetMs };
      const left = count.taken - takes[i]!.needed;
      // The lease ends with the count that it was taken from: measured from before the question, never later.
      if (takes[i]!.wanted > takes[i]!.needed) {
        const before = leases.get(keys[i]!);
        const carried = before !== undefined && before.endsMs > askedMs ? before.left : 0;
        leases.set(keys[i]!, { left: left + carried, remaining: count.remaining, endsMs: askedMs + count.resetMs });
      }
      return { limit, remaining: count.remaining + left, resetMs: count.resetMs };
    });
    return answer.allowed
      ? { kind: 'allowed', states }
      : { kind: 'exceeded', states, exceeded: states.filter((state, i) => isExceeded(takes[i]!, state)) };
  };

  const owe = (key: string, { used, endsMs }: Debt): void => {
    if (used === 0) return;
    if (owed.size > MAX_KEYS) owed.clear();
    owed.set(key, { used: (owed.get(key)?.used ?? 0) + used, endsMs });
  };

  /** For one request to settle: of several at once only one brings it to Redis. */
  const claimDebt = (key: string, nowMs: number): Debt => {
    const debt = owed.get(key);
    owed.delete(key);
    return debt === undefined || debt.endsMs <= nowMs ? { used: 0, endsMs: 0 } : debt;
  };

  /** So that a count that Redis doesn't answer for goes on from where it was, and not from nothing. */
  const remember = (keys: readonly string[], limits: readonly Limit[], { counts }: Answer, askedMs: number): void => {
    if (local.size > MAX_KEYS) local.clear();
    for (const [i, key] of keys.entries()) {
      const { limit, isShadow } = limits[i]!;
      if (!isShadow) local.set(key, { used: limit - counts[i]!.remaining, endsMs: askedMs + counts[i]!.resetMs });
    }
  };

  const withoutRedis = (keys: readonly string[], limits: readonly Limit[], cost: number): QuotaDecision => {
    const denied = limits.find(({ onRedisDown }) => onRedisDown === 'deny');
    if (denied !== undefined) return { kind: 'unavailable', limit: denied };
    const counted = limits.flatMap((limit, i) => (limit.onRedisDown === 'local' ? [{ limit, key: keys[i]! }] : []));
    if (local.size > MAX_KEYS) local.clear();
    const takes = counted.map(({ limit, key }): Take => ({
      key,
      limit: limit.isShadow ? -1 : limit.limit,
      periodMs: limit.periodMs,
      needed: cost,
      wanted: cost,
    }));
    const nowMs = now();
    const answer = take(local, takes, nowMs);
    if (answer.allowed) for (const [i, { key }] of counted.entries()) owe(key, { used: cost, endsMs: nowMs + answer.counts[i]!.resetMs });
    const states = counted.map(({ limit }, i): LimitState => ({ limit, ...pick(answer.counts[i]!) }));
    return answer.allowed
      ? { kind: 'allowed', states }
      : { kind: 'exceeded', states, exceeded: states.filter((state, i) => isExceeded(takes[i]!, state)) };
  };

  return {
    decide: (client, limits, cost) => {
      const finite = limits.filter(({ limit }) => limit !== Infinity);
      const blocked = finite.filter(({ limit, isShadow }) => limit === 0 && !isShadow);
      if (blocked.length > 0) {
        const states = blocked.map((limit) => ({ limit, remaining: 0, resetMs: limit.periodMs }));
        return { kind: 'exceeded', states, exceeded: states };
      }
      if (finite.length === 0) return { kind: 'allowed', states: [] };
      const keys = finite.map((limit) => keyOf(client, limit));
      return fromLeases(keys, finite, cost, now()) ?? fromRedis(keys, finite, cost);
    },
  };
};

const pick = ({ remaining, resetMs }: Taken): { remaining: number; resetMs: number } => ({ remaining, resetMs });
const isExceeded = ({ limit, needed }: Take, { remaining }: LimitState): boolean => limit >= 0 && remaining < needed;
