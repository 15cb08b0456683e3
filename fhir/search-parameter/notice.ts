/** Turns written SearchParameters into a new plan for every process, and into work for the background. */
import { randomUUID } from 'node:crypto';
import { inTransaction } from '../audit/verified-commit.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Db } from '../store/pool.ts';
import { type OtherParameter, readDefinition } from './definition.ts';
import {
  areAnyChanged,
  beginIndexing,
  type ChangedParameter,
  changedParameters,
  insertReindexJob,
  lockPlan,
  noteSeen,
  orphans,
  readPlan,
  reconsiderRefused,
  setVersion,
  turnOff,
} from './parameter-table.ts';
import { poll } from './poll.ts';
import type { RemoveRequest, ScanRequest } from './reindex-request.ts';
import { othersOf } from './search-plan.ts';

type Context = Pick<Server, 'registry' | 'baseUrl' | 'db' | 'sql' | 'jobs'>;

const POLL_MS = 250;

export const startNoticing = (
  server: Context,
  { onFault }: { readonly onFault: (error: unknown) => void },
): { readonly close: () => Promise<void> } =>
  poll(
    async () => {
      if (await areAnyChanged(server.db)) await notice(server);
    },
    { everyMs: POLL_MS, onFault },
  );

/** All in one transaction: a plan is never without the work that it needs. */
const notice = async (server: Context): Promise<void> => {
  await inTransaction(server.sql, async (db) => {
    const before = await lockPlan(db);
    let version = before;
    for (const changed of await changedParameters(db)) if (await settle(server, db, changed, version + 1)) version++;
    if (version !== before) await setVersion(db, version);
    // Those that are new, and those whose job was given up.
    for (const { rid, generation } of await orphans(db))
      await insertReindexJob(db, { id: randomUUID(), rid, request: { kind: 'scan', rid, generation } satisfies ScanRequest });
  });
  server.jobs.wake();
};

/** True where the plan is another one by it: of the version `next`. */
const settle = async (server: Context, db: Db, changed: ChangedParameter, next: number): Promise<boolean> => {
  const meant = meaningOf(server, changed, await othersThan(db, changed));
  if (meant.definition !== undefined && meant.definition === changed.definition) {
    await noteSeen(db, changed);
    return false;
  }
  if (meant.definition === undefined)
    await turnOff(db, changed, { state: meant.reason === null ? 'off' : 'refused', reason: meant.reason });
  else await beginIndexing(db, changed, { generation: next, definition: meant.definition });
  if (changed.generation === null) return meant.definition !== undefined;
  const request: RemoveRequest = { kind: 'remove', generation: changed.generation, version: next };
  await insertReindexJob(db, { id: randomUUID(), request });
  await reconsiderRefused(db, changed.rid);
  return true;
};

const othersThan = async (db: Db, { rid }: ChangedParameter): Promise<OtherParameter[]> =>
  othersOf((await readPlan(db)).parameters.filter((each) => each.rid !== rid));

/** JSON of the definition, or why there is none; two that were written at once are told apart here. */
const meaningOf = (
  { registry, baseUrl }: Context,
  { body }: ChangedParameter,
  others: readonly OtherParameter[],
): { readonly definition: string | undefined; readonly reason: string | null } => {
  if (body === null) return { definition: undefined, reason: null };
  try {
    const definition = readDefinition(JSON.parse(body) as Readonly<Record<string, unknown>>, { registry, baseUrl, others });
    return { definition: definition && JSON.stringify(definition), reason: null };
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    return { definition: undefined, reason: error.message };
  }
};
