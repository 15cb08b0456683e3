/**
 * Transactions whose COMMIT is checked. postgres.js 3.4.9 resolves `sql.begin()` although nothing was stored when the backend has
 * lost its prepared statement `commit` (behind a transaction pooler, after DEALLOCATE ALL; porsager/postgres#1212): a 201 for data that
 * isn't there. So a transaction here counts only when the server itself has answered COMMIT.
 */
import type { Db, Sql } from '../store/pool.ts';
import type { Reserved } from '../store/reserve.ts';

type Values = Parameters<Db['unsafe']>[1];

const requireCommit = (result: { readonly command: string }): void => {
  if (result.command === 'COMMIT') return;
  throw new Error(`the database answered ${result.command} to COMMIT: nothing was stored`);
};

// Simple protocol: no prepared statement that could be missing.
const plain = (connection: Reserved, text: string): Promise<{ readonly command: string }> =>
  connection.unsafe(text) as unknown as Promise<{ readonly command: string }>;

/** Runs `work` on a reserved connection, which goes back without an open transaction, or not at all if it was lost. */
const onConnection = async <T>(sql: Sql, work: (connection: Reserved) => Promise<T>): Promise<T> => {
  const connection = await sql.reserve();
  try {
    return await connection.untilLost(work(connection));
  } catch (error) {
    await connection.untilLost(plain(connection, 'rollback')).catch(() => undefined);
    throw error;
  } finally {
    connection.release();
  }
};

/** Runs `work` in a transaction of its own and resolves when it is committed; rolls back when it throws. */
export const inTransaction = <T>(sql: Sql, work: (db: Db) => Promise<T>): Promise<T> =>
  onConnection(sql, async (connection) => {
    await plain(connection, 'begin');
    const result = await work(connection);
    requireCommit(await plain(connection, 'commit'));
    return result;
  });

/**
 * Stores by one statement, which is a transaction of its own. postgres.js answers a query when the server is ready for the next one, and
 * that is after the commit: there is no COMMIT that could be missing, and a third of the messages (a read's event: 3 writes to the socket
 * and 385 us of CPU before).
 */
export const commitStatement = async (sql: Sql, text: string, parameters: Values): Promise<void> => {
  await sql.unsafe(text, parameters, { prepare: true });
};

const DURABLE: Readonly<Record<string, readonly string[]>> = {
  fsync: ['on'],
  full_page_writes: ['on'],
  synchronous_commit: ['on', 'local', 'remote_write', 'remote_apply'],
};

/** Throws where the database may forget what it has committed. */
export const assertDurable = async (sql: Db): Promise<void> => {
  const rows = await sql.unsafe<{ name: string; setting: string }[]>('select name, setting from pg_settings where name = any($1::text[])', [
    `{${Object.keys(DURABLE).join(',')}}`,
  ]);
  for (const { name, setting } of rows) {
    if (!DURABLE[name]!.includes(setting))
      throw new Error(`the database runs with ${name} = ${setting} and could forget what it has acknowledged: set ${name} = on`);
  }
};
