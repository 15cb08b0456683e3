/** Whether everything that was promised is there: each answered write in its version, with exactly one audit event. */
import type { LoadResult } from './load.ts';
import type { Release } from './release.ts';
import { query } from './sql.ts';

export interface Kept {
  readonly writes: number;
  /** Answered, and not found in that version. */
  readonly lost: readonly string[];
  /** Answered, and with no event, or more than one: `Patient/1/2: 0`. */
  readonly badlyAudited: readonly string[];
  /** Resources of the load beyond those whose create was answered or got no answer. */
  readonly surplus: number;
}

export const whatWasKept = async (
  release: Release,
  password: string,
  run: string,
  { acknowledged, uncertain }: LoadResult,
): Promise<Kept> => {
  const versions = await query<{ id: string; version: number }>(
    release,
    password,
    `select id, version from fhir.resource union all select id, version from fhir.resource_history`,
  );
  const events = await query<{ resource: string; version: number; count: number }>(
    release,
    password,
    `select body::json->>'resource' as resource, (body::json->>'version')::int as version, count(*)::int as count from audit.event
     where body::json->>'kind' = 'write' and (body::json->>'outcome')::int = 0 group by 1, 2`,
  );
  const [made] = await query<{ count: number }>(
    release,
    password,
    `select count(*)::int as count from fhir.resource where body like '%urn:load:${run}"%' and not deleted`,
  );
  const there = new Set(versions.map(({ id, version }) => `${id}/${version}`));
  const counts = new Map(events.map(({ resource, version, count }) => [`${resource}/${version}`, count]));
  const keys = acknowledged.map(([id, version]) => `${id}/${version}`);
  const creates = acknowledged.filter(([, version]) => version === 1).length + uncertain.filter(([what]) => what === 'create').length;
  return {
    writes: keys.length,
    lost: keys.filter((key) => !there.has(key)),
    badlyAudited: keys.flatMap((key) => {
      const count = counts.get(`Patient/${key}`) ?? 0;
      return count === 1 ? [] : [`Patient/${key}: ${count}`];
    }),
    surplus: Math.max(0, made!.count - creates),
  };
};
