/** What another version of this server has accepted and this one can't compile. */
import { randomUUID } from 'node:crypto';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Sql } from '../store/pool.ts';
import { insertReindexJob, lockPlan, refuseDefinition, setVersion, type StoredParameter } from './parameter-table.ts';
import { deletePackaged } from './packaged-table.ts';
import type { RemoveRequest } from './reindex-request.ts';

const REASON =
  "this version of the server can't index it: write it as retired and then as active again once it can, or as one that it can index";

/**
 * Takes a definition out of the plan of every process and has its rows removed. A client's is `refused` until a change of it is written; a package's is
 * forgotten, so that the next start looks at it anew. Does nothing where it has changed meanwhile.
 */
export const refuseStored = (sql: Sql, { rid, package: label, generation }: StoredParameter): Promise<void> =>
  inTransaction(sql, async (db) => {
    const version = (await lockPlan(db)) + 1;
    if (!(await refuseDefinition(db, { rid, generation, reason: REASON }))) return;
    if (label !== null) await deletePackaged(db, rid);
    await setVersion(db, version);
    await insertReindexJob(db, { id: randomUUID(), request: { kind: 'remove', generation, version } satisfies RemoveRequest });
  });
