import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { Answer, Take } from './counter-model.ts';

export interface RedisCounter {
  /** Undefined where Redis gave no answer in time. */
  take(takes: readonly Take[]): Promise<Answer | undefined>;
  /** Redis answers at present. */
  isUp(): boolean;
  /** Resolves when Redis has answered for the first time, or when `limitMs` have passed. */
  warmedUp(limitMs: number): Promise<void>;
  close(): void;
}

export interface RedisCounterOptions {
  /** `rediss://` is TLS with a proven server. */
  readonly url: string;
  /** Where the address has none. */
  readonly password?: string | undefined;
  /** Of the CA of a `rediss://` server; else those that Node knows. */
  readonly caFile?: string | undefined;
  /**
   * The longest that a request waits for Redis. Only those wait that are under way when it falls silent, since nobody asks it after that;
   * a shorter one makes each gateway count for itself whenever a busy machine answers late.
   */
  readonly deadlineMs?: number;
  /** How long nobody asks a Redis that has not answered. */
  readonly pauseMs?: number;
  readonly onChange?: (up: boolean) => void;
}

const WARM_KEY = 'quota:{}warm-up';
const WARM_ROUNDS = 3;
const WARM_CALLS = 32;
const WARM_LIMIT_MS = 1000;

const SCRIPT = readFileSync(new URL('counter.lua', import.meta.url), 'utf8');

/** The CA is read for each connection: its file may have been replaced. */
const tlsOf = (url: string, caFile: string | undefined): { tls?: ConnectionOptions } => {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'rediss:') {
    if (caFile !== undefined) throw new Error('REDIS_CA_FILE is set, but REDIS_URL speaks no TLS: write rediss://');
    return {};
  }
  return {
    tls: {
      ...(isIP(hostname.replace(/^\[|\]$/g, '')) === 0 && { servername: hostname }),
      ...(caFile !== undefined && {
        get ca() {
          return readFileSync(caFile);
        },
      }),
    },
  };
};

type TakeCommand = (keyCount: number, ...args: (string | number)[]) => Promise<number[]>;

/** Counts in Redis; after a late or missing answer nobody waits for it again until it has answered a ping. */
export const createRedisCounter = ({
  url,
  password,
  caFile,
  deadlineMs = 100,
  pauseMs = 250,
  onChange = () => undefined,
}: RedisCounterOptions): RedisCounter => {
  const redis = new Redis(url, {
    ...(password !== undefined && new URL(url).password === '' && { password }),
    ...tlsOf(url, caFile),
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableAutoPipelining: true,
    connectTimeout: 2000,
    keepAlive: 10_000,
    retryStrategy: (attempt) => Math.min(50 * attempt, 500),
    // After a failover the old primary may still be there, read-only: connect anew.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  });
  redis.on('error', () => undefined); // ioredis connects again by itself; who asks meanwhile is answered without it.
  redis.defineCommand('takeAll', { lua: SCRIPT });
  const takeAll = (redis as unknown as { takeAll: TakeCommand }).takeAll.bind(redis);

  let up = false;
  let probing: NodeJS.Timeout | undefined;
  const setUp = (value: boolean): void => {
    if (up === value) return;
    up = value;
    onChange(value);
  };
  // What has arrived is read before anything is late: a process that was busy itself finds its timer due before it looks at the network.
  const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => setImmediate(() => reject(new Error('Redis is late'))), ms);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  let onWarm = (): void => undefined;
  const warm = new Promise<void>((resolve) => (onWarm = resolve));
  /** Loads the script, and runs it often enough for this process to be quick at it, before anybody waits for an answer. */
  const warmUp = async (): Promise<void> => {
    for (let round = 0; round < WARM_ROUNDS; round++) {
      await within(WARM_LIMIT_MS, Promise.all(Array.from({ length: WARM_CALLS }, () => takeAll(1, WARM_KEY, -1, 1000, 0, 0))));
    }
    setUp(true);
    onWarm();
  };
  const probe = (): void => {
    probing ??= setTimeout(() => {
      probing = undefined;
      within(deadlineMs * 4, redis.ping()).then(
        () => {
          setUp(true);
          onWarm();
        },
        () => probe(),
      );
    }, pauseMs);
  };
  redis.on('ready', () => void warmUp().catch(probe));
  redis.on('close', () => setUp(false));
  probe();

  return {
    take: async (takes) => {
      if (!up || redis.status !== 'ready') return undefined;
      const args = takes.flatMap(({ limit, periodMs, needed, wanted }) => [limit, periodMs, needed, wanted]);
      try {
        const reply = await within(deadlineMs, takeAll(takes.length, ...takes.map(({ key }) => key), ...args));
        return {
          allowed: reply[0] === 1,
          counts: takes.map((_, i) => ({ taken: reply[i * 3 + 1]!, remaining: reply[i * 3 + 2]!, resetMs: reply[i * 3 + 3]! })),
        };
      } catch {
        setUp(false);
        probe();
        return undefined;
      }
    },
    isUp: () => up,
    warmedUp: async (limitMs) => {
      const timer = new AbortController();
      await Promise.race([warm, sleep(limitMs, undefined, { signal: timer.signal }).catch(() => undefined)]);
      timer.abort();
    },
    close: () => {
      clearTimeout(probing);
      redis.disconnect();
    },
  };
};
