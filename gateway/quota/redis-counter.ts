import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import type { Answer, Take } from './counter-model.ts';

export interface RedisCounter {
  /** Undefined where Redis gave no answer in time. */
  take(takes: readonly Take[]): Promise<Answer | undefined>;
  /** Redis answers at present. */
  isUp(): boolean;
  close(): void;
}

export interface RedisCounterOptions {
  /** `rediss://` is TLS with a proven server. */
  readonly url: string;
  /** Where the address has none. */
  readonly password?: string | undefined;
  /** Of the CA of a `rediss://` server; else those that Node knows. */
  readonly caFile?: string | undefined;
  /** The longest that a request waits for Redis. */
  readonly deadlineMs?: number;
  /** How long nobody asks a Redis that has not answered. */
  readonly pauseMs?: number;
  readonly onChange?: (up: boolean) => void;
}

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
  deadlineMs = 25,
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
  const within = async <T>(ms: number, work: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Redis is late')), ms);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  };
  const probe = (): void => {
    probing ??= setTimeout(() => {
      probing = undefined;
      within(deadlineMs * 4, redis.ping()).then(
        () => setUp(true),
        () => probe(),
      );
    }, pauseMs);
  };
  redis.on('ready', () => setUp(true));
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
    close: () => {
      clearTimeout(probing);
      redis.disconnect();
    },
  };
};
