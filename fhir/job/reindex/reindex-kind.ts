/** Makes and removes the search rows of parameters that clients write. Why it works so: fhir/search-parameter/README.md. */
import { keysOfGeneration, removeRows } from '../../search-parameter/parameter-table.ts';
import type { ReindexRequest, RemoveRequest } from '../../search-parameter/reindex-request.ts';
import { SEARCH_TABLES, isKeyed, type SearchTable } from '../../store/search-table.ts';
import { type JobContext, type JobKind, JobLost, type JobResult } from '../job.ts';
import { untilFenced } from './fence.ts';
import { scan, type Scanned } from './scan.ts';

export interface ReindexOptions {
  /** Hears of each parameter that can be searched by from then on. */
  readonly onIndexed: (scanned: Scanned) => void;
}

export const createReindexKind = ({ onIndexed }: ReindexOptions): JobKind => ({
  run: async (context): Promise<JobResult> => {
    const request = JSON.parse(context.job.request) as ReindexRequest;
    if (request.kind === 'remove') await remove(context, request);
    else {
      const scanned = await scan(context, request);
      if (scanned !== undefined) onIndexed(scanned);
    }
    return { status: 'done', result: '{}', events: [] };
  },
  discard: () => Promise.resolve(),
});

const BATCH = 5000;
const KEYED = (Object.keys(SEARCH_TABLES) as SearchTable[]).filter(isKeyed);

const remove = async (context: JobContext, { generation, version }: RemoveRequest): Promise<void> => {
  const { server, job, signal, rest } = context;
  if (job.state === null) {
    await untilFenced(context, version);
    await context.checkpoint({ isFenced: true }, 'removing');
  }
  for (const key of await keysOfGeneration(server.db, generation)) {
    for (const table of KEYED) {
      while ((await removeRows(server.db, table, { key, most: BATCH })) > 0) {
        if (signal.aborted) throw new JobLost(job.id);
        await rest();
      }
    }
  }
};
