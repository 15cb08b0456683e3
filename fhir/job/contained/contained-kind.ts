/**
 * Makes the rows by which `_contained` finds what was stored before there were any (migration 0013, which asks for it). What is done again
 * changes nothing. A write that comes in between and overlooks them leaves them behind: they are of a version that isn't there any more then,
 * which no search looks at (../../search/README.md).
 */
import { inTransaction } from '../../audit/verified-commit.ts';
import { type Body, lockBodies, readBodies } from '../../search-parameter/parameter-table.ts';
import type { Server } from '../../server.ts';
import { CONTAINED_FROM } from '../../store/rid.ts';
import { deleteSql, insertSql } from '../../store/search-table.ts';
import { type JobContext, type JobKind, JobLost, type JobResult } from '../job.ts';
import { forRows } from '../reindex/rows.ts';

interface ContainedState {
  /** The last resource key that is done. */
  readonly after: number;
  readonly done: number;
}

export const createContainedKind = (): JobKind => ({
  run: async (context): Promise<JobResult> => {
    const done = await scan(context);
    return { status: 'done', result: JSON.stringify({ resources: done }), events: [] };
  },
  discard: () => Promise.resolve(),
});

/** Returns how many resources were looked at. */
const scan = async ({ server, job, signal, checkpoint, rest }: JobContext): Promise<number> => {
  let state: ContainedState = job.state === null ? { after: 0, done: 0 } : (JSON.parse(job.state) as ContainedState);
  for (;;) {
    if (signal.aborted) throw new JobLost(job.id);
    const bodies = await readBodies(server.db, state.after, CONTAINED_FROM);
    if (bodies.length === 0) return state.done;
    const containers = bodies.filter(mayContain).map(({ rid }) => rid);
    if (containers.length > 0) await storeRows(server, containers);
    state = { after: bodies.at(-1)!.rid, done: state.done + bodies.length };
    await checkpoint(state, `${state.done} looked at`);
    await rest();
  }
};

const mayContain = ({ body }: Body): boolean => body?.includes('"contained"') === true;

const storeRows = async ({ sql, extractor }: Server, rids: readonly number[]): Promise<void> => {
  await inTransaction(sql, async (db) => {
    const containers = await lockBodies(db, rids);
    const rows = containers.flatMap(({ rid, version, body }) =>
      body === null ? [] : extractor.extractContained({ rid, version }, JSON.parse(body) as Readonly<Record<string, unknown>>),
    );
    await forRows(db, rows, deleteSql);
    await forRows(db, rows, insertSql);
  });
};
