/** Which profiles, tags and security labels are in use, from the search index: each step reads one row, however many resources have it. */
import { META_LISTS, type MetaEntry, type MetaList } from '../json/meta-splice.ts';
import type { Server } from '../server.ts';
import { RID_SPAN } from '../store/rid.ts';

const MAX_LABELS = 1000;
const TABLES = { profile: ['uri', '_profile', 'value'], security: ['token', '_security', 'code'], tag: ['token', '_tag', 'code'] } as const;

// A resource that has each value, found by skipping from one value to the next.
const samples = (table: string, column: string, first: number, range: string): string => `with recursive seen as (
  (select t.${column} as value, t.rid from fhir.sp_${table} t where t.key = ${first}${range} order by t.${column}, t.rid limit 1)
  union all
  select next.value, next.rid from seen cross join lateral (
    select t.${column} as value, t.rid from fhir.sp_${table} t where t.key = ${first} and t.${column} > seen.value${range}
    order by t.${column}, t.rid limit 1) next)
select distinct r.rid, r.body from (select rid from seen limit ${MAX_LABELS + 1}) s join fhir.resource r on r.rid = s.rid where r.body is not null`;

/** The labels of all resources of a type, or of the server; at most 1000 of each kind. */
export const labelsInUse = async (server: Server, type: string | undefined): Promise<Readonly<Record<MetaList, readonly MetaEntry[]>>> => {
  const { registry, planOf, keyId, db } = server;
  const from = type === undefined ? 0 : registry.typeId(type) * RID_SPAN;
  const range = type === undefined ? '' : ` and t.rid >= ${from} and t.rid < ${from + RID_SPAN}`;
  const found: Record<MetaList, Map<string, MetaEntry>> = { profile: new Map(), security: new Map(), tag: new Map() };
  for (const list of META_LISTS) {
    const [table, code, column] = TABLES[list];
    const keys = planOf(type ?? 'Basic').parameters.get(code)?.keys ?? [];
    for (const key of keys) {
      const rows = await db.unsafe<{ rid: number; body: string }[]>(samples(table, column, keyId(key), range), [], { prepare: true });
      for (const { body } of rows) {
        const { meta } = JSON.parse(body) as { meta?: Partial<Record<MetaList, MetaEntry[]>> };
        for (const entry of meta?.[list] ?? []) {
          const name = typeof entry === 'string' ? entry : JSON.stringify([entry.system, entry.code]);
          if (found[list].size < MAX_LABELS && !found[list].has(name)) found[list].set(name, entry);
        }
      }
    }
  }
  return { profile: [...found.profile.values()], security: [...found.security.values()], tag: [...found.tag.values()] };
};
