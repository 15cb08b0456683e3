/**
 * The rows of a new search parameter for every resource there is. First all are read, then those are looked at once more that were written
 * meanwhile; what is done again changes nothing.
 */
import type { Definition } from '../../search-parameter/definition.ts';
import {
  type Body,
  countBetween,
  readBodies,
  readPlan,
  readWrittenSince,
  setProgress,
  setReady,
} from '../../search-parameter/parameter-table.ts';
import type { ScanRequest } from '../../search-parameter/reindex-request.ts';
import { keysOf } from '../../search-parameter/search-plan.ts';
import { createExtractor, type Extractor } from '../../search/extract.ts';
import { type AddedParameter, createAddedPlan, SELF_KEY } from '../../search/index-plan.ts';
import type { Server } from '../../server.ts';
import { storeIndexKeys } from '../../store/index-key.ts';
import { RID_SPAN } from '../../store/rid.ts';
import { NO_ROWS, rowDifference } from '../../store/row-difference.ts';
import type { SearchRows } from '../../store/search-table.ts';
import { type JobContext, JobLost } from '../job.ts';
import { untilFenced, untilNew } from './fence.ts';
import { settleRows, storeRows } from './rows.ts';

export interface Scanned {
  /** Of the SearchParameter. */
  readonly id: string;
  readonly resources: number;
}

interface ScanState {
  readonly phase: 'all' | 'written';
  /** Place of the type that is being read, and the last resource key that is done. */
  readonly type: number;
  readonly after: number;
  readonly done: number;
  readonly total: number;
  /** Of the fence: what was written by it or later may have been written while it was read here. */
  readonly xid: string;
}

/** Undefined where this definition isn't wanted any more. */
export const scan = async (context: JobContext, request: ScanRequest): Promise<Scanned | undefined> => {
  const { server, job, signal, rest } = context;
  const { rid, generation } = request;
  const wanted = (await readPlan(server.db)).parameters.find((each) => each.rid === rid && each.generation === generation);
  if (wanted === undefined || wanted.state === 'ready') return undefined;
  const added: AddedParameter = { ...(JSON.parse(wanted.definition) as Definition), generation };
  const extractor = await extractorOf(server, added);
  const planOf = createAddedPlan(server, added);
  const types = server.registry.resourceTypes.filter((type) => planOf(type).units.length > 0);
  let state = job.state === null ? await begin(context, request, types) : (JSON.parse(job.state) as ScanState);
  while (state.phase === 'all' || state.type < types.length) {
    if (signal.aborted) throw new JobLost(job.id);
    if (state.type >= types.length) {
      await untilNew(context);
      state = { ...state, phase: 'written', type: 0, after: 0 };
    } else {
      const type = types[state.type]!;
      const from = server.registry.typeId(type) * RID_SPAN;
      const range = { after: Math.max(from, state.after), to: from + RID_SPAN };
      state = await step(server, { request, state, range, extract: (body) => rowsOf(extractor, server, type, body) });
    }
    await context.checkpoint(state, `${state.done} of ${state.total}`);
    // New ones come in while it goes on.
    if (!(await setProgress(server.db, rid, { generation, done: state.done, total: Math.max(state.done, state.total) }))) return undefined;
    await rest();
  }
  await setReady(server.db, rid, generation);
  return { id: wanted.id, resources: state.done };
};

const begin = async (context: JobContext, { generation }: ScanRequest, types: readonly string[]): Promise<ScanState> => {
  const { xid } = await untilFenced(context, generation);
  const state: ScanState = { phase: 'all', type: 0, after: 0, done: 0, total: await countOf(context.server, types), xid };
  await context.checkpoint(state, 'begun');
  return state;
};

interface Step {
  readonly request: ScanRequest;
  readonly state: ScanState;
  /** Resource keys of the type. */
  readonly range: { readonly after: number; readonly to: number };
  readonly extract: (body: Body) => SearchRows;
}

/** One batch of resources of one type; the next type where there is none left. */
const step = async (server: Server, { request, state, range, extract }: Step): Promise<ScanState> => {
  if (state.phase === 'all') {
    const bodies = await readBodies(server.db, range.after, range.to);
    if (bodies.length === 0) return { ...state, type: state.type + 1, after: 0 };
    await storeRows(server, { ...request, bodies }, extract);
    return { ...state, after: bodies.at(-1)!.rid, done: state.done + bodies.length };
  }
  const rids = await readWrittenSince(server.db, { ...range, xid: state.xid });
  if (rids.length === 0) return { ...state, type: state.type + 1, after: 0 };
  await settleRows(server, { ...request, written: rids, xid: state.xid }, extract);
  return { ...state, after: rids.at(-1)! };
};

const extractorOf = async ({ registry, baseUrl, db }: Server, added: AddedParameter): Promise<Extractor> => {
  const ids = await storeIndexKeys(db, [SELF_KEY, ...keysOf(added, registry, baseUrl)]);
  return createExtractor(createAddedPlan({ registry, baseUrl }, added), (key) => ids.get(key)!, {
    typeIdOf: registry.typeId,
  });
};

const countOf = async ({ registry, db }: Server, types: readonly string[]): Promise<number> => {
  let sum = 0;
  for (const type of types) {
    const from = registry.typeId(type) * RID_SPAN;
    sum += await countBetween(db, from, from + RID_SPAN);
  }
  return sum;
};

const rowsOf = (extractor: Extractor, { keyId }: Server, type: string, { id, body }: Body): SearchRows => {
  if (body === null) return NO_ROWS;
  const rows = extractor.extract(type, id, JSON.parse(body) as Record<string, unknown>);
  // What every resource has is there already.
  const self = keyId(SELF_KEY);
  return rowDifference(NO_ROWS, { ...rows, ref: rows.ref.filter(([key]) => key !== self) }).added;
};
