import postgres from 'postgres';
import { databaseConnection } from './database-address.ts';
import { createReserve, type Reserved } from './reserve.ts';
import { createSharing } from './sharing.ts';

/** What a statement runs on: the pool, or the connection that owns a transaction. */
export interface Db {
  unsafe<T extends readonly (object | undefined)[] = postgres.Row[]>(
    text: string,
    parameters?: Parameters<postgres.Sql['unsafe']>[1],
    options?: postgres.UnsafeQueryOptions,
  ): Promise<postgres.RowList<T>>;
}

export interface Sql extends Db {
  /** A connection for one caller alone; see reserve.ts. */
  reserve(): Promise<Reserved>;
  /** How many wait for a connection. */
  waiting(): number;
  end(options?: { timeout?: number }): Promise<void>;
}

export interface PoolOptions {
  readonly max: number;
  /** Shown in pg_stat_activity. */
  readonly application: string;
  readonly statementTimeoutMs?: number;
  /** See DATABASE_PREPARE in README.md. */
  readonly prepare?: boolean;
  /** Short statements that come together share a connection (sharing.ts): for those that only read. */
  readonly isShared?: boolean;
}

/**
 * A pool of `max` connections to `url`, and of as many that can be reserved, each opened when it is needed, with a statement timeout and
 * an idle-transaction timeout; bigint columns read as JavaScript numbers (resource ids stay below 2^53 by construction, see rid.ts).
 */
export const createPool = (
  url: string,
  { max, application, statementTimeoutMs = 30_000, prepare = true, isShared = false }: PoolOptions,
): Sql => {
  databaseConnection(url); // a bad address is known at once
  const connect = (onclose: () => void): postgres.Sql => {
    // Each time anew: the file of the CA may have been replaced.
    const { address, ...where } = databaseConnection(url);
    return postgres(address, {
      max: 1,
      ...where,
      onclose,
      max_lifetime: null, // closing one that works would look like losing it
      connect_timeout: 10,
      idle_timeout: 0,
      keep_alive: 10, // then a question each second, ten times: an idle one whose network has gone is known after 20 s
      fetch_types: false, // a backend killed while it is asked for them would end this process by an unhandled rejection
      onnotice: () => undefined,
      prepare,
      types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
      connection: {
        application_name: application,
        // A pooler refuses these where it connects; the role has them too (migrations/0004_timeouts.sql).
        ...(prepare && { statement_timeout: statementTimeoutMs, idle_in_transaction_session_timeout: 30_000 }),
      },
    }) as unknown as postgres.Sql;
  };
  const shared = createReserve({ max, statementTimeoutMs }, connect);
  const reserved = createReserve({ max, statementTimeoutMs }, connect);
  const alone: Db['unsafe'] = async <T extends readonly (object | undefined)[]>(...statement: Parameters<Db['unsafe']>) => {
    const connection = await shared.reserve();
    try {
      return await connection.unsafe<T>(...statement);
    } finally {
      connection.release();
    }
  };
  return {
    // Without prepared statements each is described first, for which it needs the connection to itself.
    unsafe: isShared && prepare ? createSharing(shared.reserve) : alone,
    reserve: reserved.reserve,
    waiting: () => shared.waiting() + reserved.waiting(),
    end: async (options) => {
      await Promise.all([shared.end(options), reserved.end(options)]);
    },
  };
};

/** A Postgres array literal of numbers, such as `{1,2}`; null stays null. */
export const numberArray = (values: readonly (number | null)[]): string => `{${values.map((value) => value ?? 'null').join(',')}}`;

/** A Postgres array literal of texts; null stays null, U+0000 (which Postgres can't hold) is dropped. */
export const textArray = (values: readonly (string | null)[]): string => {
  let out = '{';
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (i > 0) out += ',';
    out += value === null ? 'null' : `"${SPECIAL.test(value) ? value.replace(/["\\]/g, '\\$&').replaceAll('\0', '') : value}"`;
  }
  return `${out}}`;
};
// oxlint-disable-next-line no-control-regex -- U+0000 is exactly what is looked for
const SPECIAL = /["\\\0]/;

const BETWEEN = String.fromCharCode(0x1f);

/**
 * JSON texts as one parameter, for {@link jsonTexts}; null stays null. No JSON text holds a U+001F (RFC 8259, section 7), so nothing is
 * escaped: what {@link textArray} takes 4 us for an event for.
 */
export const joinJson = (values: readonly (string | null)[]): string => values.join(BETWEEN);

/** Their array in SQL, which `unnest` beside other arrays makes as long as those: of one null alone it is empty. */
export const jsonTexts = (parameter: number): string => `string_to_array($${parameter}, E'\\x1f', '')`;
