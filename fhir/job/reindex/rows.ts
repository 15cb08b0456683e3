/** Search rows of a new parameter, stored while others write the same resources. */
import { inTransaction } from '../../audit/verified-commit.ts';
import { type Body, holdWanted, lockBodies, readPast } from '../../search-parameter/parameter-table.ts';
import type { ScanRequest } from '../../search-parameter/reindex-request.ts';
import type { Server } from '../../server.ts';
import type { Db } from '../../store/pool.ts';
import { rowDifference } from '../../store/row-difference.ts';
import {
  batchParameters,
  deleteDoublesSql,
  deleteSql,
  emptyBatch,
  insertSql,
  SEARCH_TABLE_NAMES,
  type SearchRows,
  type SearchTable,
} from '../../store/search-table.ts';

type Extract = (body: Body) => SearchRows;
interface Rows {
  readonly rid: number;
  readonly rows: SearchRows;
}

const hasAny = (rows: SearchRows): boolean => SEARCH_TABLE_NAMES.some((table) => rows[table].length > 0);

/**
 * Stores the rows of some resources. Writes come in between at any time: one that is stored before its resource is locked here has stored
 * what is new in it, but not what was there before; so rows are made from what is there once it is locked, and those that are there already
 * are replaced. A resource without any needs no lock: a later version's rows come with its write.
 */
export const storeRows = async (
  server: Server,
  { rid, generation, bodies }: ScanRequest & { readonly bodies: readonly Body[] },
  extract: Extract,
): Promise<void> => {
  const found = bodies.map((body) => ({ body, rows: extract(body) })).filter(({ rows }) => hasAny(rows));
  if (found.length === 0) return;
  const known = new Map(found.map(({ body, rows }) => [`${body.rid} ${body.version}`, rows]));
  await inTransaction(server.sql, async (db) => {
    // Who ends this definition waits for this batch, and removes its rows after it.
    if (!(await holdWanted(db, rid, generation))) return;
    const locked = await lockBodies(
      db,
      found.map(({ body }) => body.rid),
    );
    const rows = locked.map((body) => ({ rid: body.rid, rows: known.get(`${body.rid} ${body.version}`) ?? extract(body) }));
    await forRows(db, rows, deleteSql);
    await forRows(db, rows, insertSql);
  });
};

/**
 * Removes the rows that some resources shouldn't have. A write that waited for the lock above goes on with what it saw before it waited: the
 * rows that were stored meanwhile it doesn't find, and so doesn't remove. They are of superseded versions, or there twice. Nothing is stored
 * here, so that nobody who waits can overlook it again.
 */
export const settleRows = async (
  server: Server,
  { rid, generation, written, xid }: ScanRequest & { readonly written: readonly number[]; readonly xid: string },
  extract: Extract,
): Promise<void> => {
  await inTransaction(server.sql, async (db) => {
    if (!(await holdWanted(db, rid, generation))) return;
    const heads = (await lockBodies(db, written)).map((head) => ({ rid: head.rid, rows: extract(head) }));
    const present = new Map(heads.map((head) => [head.rid, head.rows]));
    for (let after = { rid: 0, version: 0 }; ;) {
      const past = await readPast(db, written, { after, xid });
      if (past.length === 0) break;
      after = past.at(-1)!;
      const gone = past.map((body) => ({ rid: body.rid, rows: rowDifference(extract(body), present.get(body.rid)!).removed }));
      await forRows(db, gone, deleteSql);
    }
    await forRows(db, heads, deleteDoublesSql);
  });
};

/** Runs a statement on the rows of each table that has some. */
export const forRows = async (db: Db, found: readonly Rows[], sqlOf: (table: SearchTable, first: number) => string): Promise<void> => {
  for (const table of SEARCH_TABLE_NAMES) {
    const batch = emptyBatch(table);
    for (const { rid, rows } of found)
      for (const row of rows[table]) {
        batch.rid.push(rid);
        for (const [i, value] of row.entries()) batch.columns[i]!.push(value);
      }
    if (batch.rid.length > 0) await db.unsafe(sqlOf(table, 1), batchParameters(table, batch), { prepare: true });
  }
};
