import { type Counts, take, type Take, type Taken } from './counter-model.ts';
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

interface Lease {
  left: number;
  /** In Redis, when the lease was taken. */
  remaining: number;
  readonly endsMs: number;
}

/** Length-prefixed, so that no two limits share a count whatever their names are; in one slot of a cluster per client. */
const keyOf = (client: string, { name, periodMs, limit }: Limit): string =>
  `quota:{${client.length}:${client}}${name.length}:${name}:${periodMs}:${limit}`;

export const createQuotaEngine = (redis: RedisCounter, now: () => number = Date.now): QuotaEngine => {
  const leases = new Map<string, Lease>();
  const local: Counts = new Map();

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
    const takes = limits.map((limit, i): Take => ({
      key: keys[i]!,
      limit: limit.isShadow ? -1 : limit.limit,
      periodMs: limit.periodMs,
      needed: cost,
      wanted: sizeOf(keys[i]!, limit, cost),
    }));
    const askedMs = now();
    const answer = await redis.take(takes);
    if (answer === undefined) return withoutRedis(keys, limits, cost);
    if (leases.size > MAX_KEYS) leases.clear();
    const states = answer.counts.map((count, i): LimitState => {
      const limit = limits[i]!;
      if (!answer.allowed) return { limit, remaining: count.remaining, resetMs: count.resetMs };
      const left = count.taken - cost;
      // The lease ends with the count that it was taken from: measured from before the question, never later.
      if (takes[i]!.wanted > cost) {
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
    const answer = take(local, takes, now());
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
