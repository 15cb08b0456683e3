/** The rows of a new search parameter for every resource there is, in batches; a batch that is done again makes no row twice. */
import { inTransaction } from '../../audit/verified-commit.ts';
import type { Definition } from '../../search-parameter/definition.ts';
import {
  type Body,
  countBetween,
  holdWanted,
  lockBodies,
  readBodies,
  readPlan,
  setProgress,
  setReady,
} from '../../search-parameter/parameter-table.ts';
import type { ScanRequest } from '../../search-parameter/reindex-request.ts';
import { keysOf } from '../../search-parameter/search-plan.ts';
import { createExtractor, type Extractor } from '../../search/extract.ts';
import { type AddedParameter, createAddedPlan, SELF_KEY } from '../../search/index-plan.ts';
import type { Server } from '../../server.ts';
import { storeIndexKeys } from '../../store/index-key.ts';
import type { Db } from '../../store/pool.ts';
import { RID_SPAN } from '../../store/rid.ts';
import { NO_ROWS, rowDifference } from '../../store/row-difference.ts';
import { batchParameters, deleteSql, emptyBatch, insertSql, SEARCH_TABLE_NAMES, type SearchRows } from '../../store/search-table.ts';
import { type JobContext, JobLost } from '../job.ts';
import { untilFenced } from './fence.ts';

export interface Scanned {
  /** Of the SearchParameter. */
  readonly id: string;
  readonly resources: number;
}

interface ScanState {
  /** Place of the type that is being read, and the last resource key that is done. */
  readonly type: number;
  readonly after: number;
  readonly done: number;
  readonly total: number;
}

/** Undefined where this definition isn't wanted any more. */
export const scan = async (context: JobContext, { rid, generation }: ScanRequest): Promise<Scanned | undefined> => {
  const { server, job, signal, rest } = context;
  const wanted = (await readPlan(server.db)).parameters.find((each) => each.rid === rid && each.generation === generation);
  if (wanted === undefined || wanted.state === 'ready') return undefined;
  const added: AddedParameter = { ...(JSON.parse(wanted.definition) as Definition), generation };
  const extractor = await extractorOf(server, added);
  const planOf = createAddedPlan(server, added);
  const types = server.registry.resourceTypes.filter((type) => planOf(type).units.length > 0);
  let state: ScanState;
  if (job.state === null) {
    await untilFenced(context, generation);
    state = { type: 0, after: 0, done: 0, total: await countOf(server, types) };
    await context.checkpoint(state, 'begun');
  } else state = JSON.parse(job.state) as ScanState;
  while (state.type < types.length) {
    if (signal.aborted) throw new JobLost(job.id);
    const type = types[state.type]!;
    const from = server.registry.typeId(type) * RID_SPAN;
    const bodies = await readBodies(server.db, Math.max(from, state.after), from + RID_SPAN);
    await storeRows(server, { rid, generation, bodies }, (body) => rowsOf(extractor, server, type, body));
    const done = state.done + bodies.length;
    state = bodies.length === 0 ? { ...state, type: state.type + 1, after: 0 } : { ...state, after: bodies.at(-1)!.rid, done };
    await context.checkpoint(state, `${done} of ${state.total}`);
    // New ones come in while it goes on.
    if (!(await setProgress(server.db, rid, { generation, done, total: Math.max(done, state.total) }))) return undefined;
    await rest();
  }
  await setReady(server.db, rid, generation);
  return { id: wanted.id, resources: state.done };
};

const extractorOf = async ({ registry, baseUrl, db }: Server, added: AddedParameter): Promise<Extractor> => {
  const ids = await storeIndexKeys(db, [SELF_KEY, ...keysOf(added, registry, baseUrl)]);
  return createExtractor(createAddedPlan({ registry, baseUrl }, added), (key) => ids.get(key)!);
};

const countOf = async ({ registry, db }: Server, types: readonly string[]): Promise<number> => {
  let sum = 0;
  for (const type of types) {
    const from = registry.typeId(type) * RID_SPAN;
    sum += await countBetween(db, from, from + RID_SPAN);
  }
  return sum;
};

/** What every resource has is there already. */
const rowsOf = (extractor: Extractor, { keyId }: Server, type: string, { id, body }: Body): SearchRows => {
  if (body === null) return NO_ROWS;
  const rows = extractor.extract(type, id, JSON.parse(body) as Record<string, unknown>);
  const self = keyId(SELF_KEY);
  return rowDifference(NO_ROWS, { ...rows, ref: rows.ref.filter(([key]) => key !== self) }).added;
};

const hasAny = (rows: SearchRows): boolean => SEARCH_TABLE_NAMES.some((table) => rows[table].length > 0);

/**
 * Writes whose rows go by the new plan come in between at any time. One that is stored before its resource is locked here has stored what is
 * new in it, but not what was there before; so rows are made from what is there once it is locked, and those that are there already are
 * replaced. Where a resource has none it needs no lock: a later version's rows come with its write.
 */
const storeRows = async (
  server: Server,
  { rid, generation, bodies }: Pick<ScanRequest, 'rid' | 'generation'> & { readonly bodies: readonly Body[] },
  extract: (body: Body) => SearchRows,
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
    await replaceRows(
      db,
      locked.map((body) => ({ rid: body.rid, rows: known.get(`${body.rid} ${body.version}`) ?? extract(body) })),
    );
  });
};

const replaceRows = async (db: Db, found: readonly { readonly rid: number; readonly rows: SearchRows }[]): Promise<void> => {
  for (const table of SEARCH_TABLE_NAMES) {
    const batch = emptyBatch(table);
    for (const { rid, rows } of found)
      for (const row of rows[table]) {
        batch.rid.push(rid);
        for (const [i, value] of row.entries()) batch.columns[i]!.push(value);
      }
    if (batch.rid.length === 0) continue;
    const parameters = batchParameters(table, batch);
    await db.unsafe(deleteSql(table, 1), parameters, { prepare: true });
    await db.unsafe(insertSql(table, 1), parameters, { prepare: true });
  }
};
