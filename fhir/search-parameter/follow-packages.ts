/** Makes the plan hold what the packages of this process define, and nothing that a package defined which is gone. */
import { randomUUID } from 'node:crypto';
import { inTransaction } from '../audit/verified-commit.ts';
import type { FhirPackage } from '../definitions/package.ts';
import type { Registry } from '../definitions/registry.ts';
import type { Sql } from '../store/pool.ts';
import { insertReindexJob, lockPlan, readPlan, setVersion } from './parameter-table.ts';
import { packagedParameters, type Unusable } from './packaged.ts';
import { changePackaged, deletePackaged, insertPackaged, readPackaged, renamePackaged } from './packaged-table.ts';
import type { RemoveRequest } from './reindex-request.ts';
import { othersOf } from './search-plan.ts';

/** What a start has found in its packages. */
export interface PackagedReport {
  /** Urls. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly unchanged: number;
  /** R4's own under another url. */
  readonly standard: number;
  readonly unusable: readonly Unusable[];
}

export interface FollowOptions {
  readonly registry: Registry;
  readonly baseUrl: string;
  readonly sql: Sql;
  readonly packages: readonly FhirPackage[];
}

/**
 * All in one transaction, so that replicas which start at once agree. The rows of what is new are made by a job, which whoever works in the
 * background begins (notice.ts).
 */
export const followPackages = async ({ registry, baseUrl, sql, packages }: FollowOptions): Promise<PackagedReport> => {
  const none = { added: [], removed: [], unchanged: 0, standard: 0, unusable: [] };
  const hasSome = packages.some(({ resources }) => resources.some(({ resourceType }) => resourceType === 'SearchParameter'));
  if (!hasSome && (await readPackaged(sql)).length === 0) return none;
  return inTransaction(sql, async (db) => {
    const before = await lockPlan(db);
    const stored = new Map((await readPackaged(db)).map((row) => [row.url, row]));
    const clients = othersOf((await readPlan(db)).parameters).filter((each) => each.package === undefined);
    const { usable, unusable, standard } = packagedParameters(packages, { registry, baseUrl, clients });
    let version = before;
    const forget = (generation: number): Promise<void> => {
      const request: RemoveRequest = { kind: 'remove', generation, version };
      return insertReindexJob(db, { id: randomUUID(), request });
    };
    const wantedUrls = new Set(usable.map(({ definition }) => definition.parameter.url));
    const gone = [...stored.values()].filter(({ url }) => !wantedUrls.has(url));
    // One version for all that goes, as it needs no number of its own.
    if (gone.length > 0) version++;
    for (const { rid, generation } of gone) {
      await deletePackaged(db, rid);
      await forget(generation);
    }
    const added: string[] = [];
    for (const { package: label, definition } of usable) {
      const { url } = definition.parameter;
      const wanted = { url, package: label, definition: JSON.stringify(definition), generation: version + 1 };
      const known = stored.get(url);
      if (known?.definition === wanted.definition) {
        if (known.package !== label) await renamePackaged(db, wanted);
        continue;
      }
      version++;
      added.push(url);
      if (known === undefined) await insertPackaged(db, wanted);
      else {
        await changePackaged(db, wanted);
        await forget(known.generation);
      }
    }
    if (version !== before) await setVersion(db, version);
    return { added, removed: gone.map(({ url }) => url), unchanged: usable.length - added.length, standard, unusable };
  });
};
