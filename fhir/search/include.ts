import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { type Head, readHeads } from '../store/head.ts';
import { type Db, textArray } from '../store/pool.ts';
import type { TypeIndex } from './index-plan.ts';
import { canonicalReference, isLocalReference } from './parameter/reference.ts';
import type { ParseOptions } from './parse.ts';
import type { Include, SearchRequest } from './request.ts';

const MAX_INCLUDED = 5000;
const MAX_ROUNDS = 8;

export interface IncludeContext {
  readonly registry: Registry;
  readonly keyId: (key: string) => number;
  readonly planOf: (type: string) => TypeIndex;
  readonly baseUrl: string;
  readonly allowed: ParseOptions['allowed'];
}

/** The resources that the matches of a search point to, or that point to them; each once, none of the matches. */
export const readIncluded = async (
  db: Db,
  { includes, revincludes }: SearchRequest,
  matches: readonly Head[],
  context: IncludeContext,
): Promise<Head[]> => {
  if (includes.length === 0 && revincludes.length === 0) return [];
  const seen = new Set(matches.map(({ rid }) => rid));
  const included: Head[] = [];
  let from: readonly Head[] = matches;
  for (let round = 0; round < MAX_ROUNDS && from.length > 0; round++) {
    const apply = (each: Include): boolean => round === 0 || each.iterate;
    const found = [
      ...(await follow(db, includes.filter(apply), from, context)),
      ...(await pointingTo(db, revincludes.filter(apply), from, context)),
    ];
    const fresh: Head[] = [];
    for (const head of found) {
      if (seen.has(head.rid) || head.body === null) continue;
      seen.add(head.rid);
      fresh.push(head);
    }
    included.push(...fresh);
    if (included.length > MAX_INCLUDED)
      throw new FhirError('too-costly', `more than ${MAX_INCLUDED} resources would be included: ask for smaller pages with _count`);
    from = fresh;
  }
  return included;
};

const follow = async (db: Db, includes: readonly Include[], from: readonly Head[], context: IncludeContext): Promise<Head[]> => {
  if (includes.length === 0) return [];
  const { registry, baseUrl, allowed } = context;
  const wanted = new Map<string, { typeId: number; id: string }>();
  const canonical = new Map<string, ReadonlySet<string>>();
  for (const { typeId, body } of from) {
    const own = includes.filter(({ source }) => registry.typeId(source) === typeId);
    if (own.length === 0 || body === null) continue;
    const resource: unknown = JSON.parse(body);
    for (const { parameters, target } of own) {
      const isWanted = (type: string): boolean =>
        registry.isResourceType(type) && (target === undefined || target === type) && allowed(type, 'r');
      for (const { parameter, paths } of parameters) {
        for (const path of paths) {
          path.select(resource, (value) => {
            const reference = typeof value === 'string' ? value : (value as { reference?: unknown }).reference;
            if (typeof reference !== 'string') return;
            const local = canonicalReference(reference, baseUrl);
            if (isLocalReference(local)) {
              const [type, id] = local.split('/') as [string, string];
              if (isWanted(type)) wanted.set(local, { typeId: registry.typeId(type), id });
            } else if (typeof value === 'string') {
              const types = (parameter.targets.length > 0 ? parameter.targets : registry.resourceTypes).filter(isWanted);
              canonical.set(reference.split('|', 1)[0]!, new Set(types));
            }
          });
        }
      }
    }
  }
  const local = [...(await readHeads(db, [...wanted.values()])).values()];
  return canonical.size === 0 ? local : [...local, ...(await byUrl(db, canonical, context))];
};

interface Row {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  readonly version: number;
  readonly updated: number;
  readonly body: string;
}

const COLUMNS = 'r.rid, r.type, r.id, r.version, (extract(epoch from r.updated) * 1000)::bigint as updated, r.body';
const heads = (rows: readonly Row[]): Head[] => rows.map(({ type, updated, ...row }) => ({ ...row, typeId: type, updatedMs: updated }));

/** What canonical addresses lead to, of the types that each may be of. */
const byUrl = async (
  db: Db,
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
  { registry, keyId, planOf }: IncludeContext,
): Promise<Head[]> => {
  const types = [...new Set([...wanted.values()].flatMap((each) => [...each]))];
  const keys = types.flatMap((type) => planOf(type).parameters.get('url')?.keys ?? []).map(keyId);
  if (keys.length === 0) return [];
  const rows = await db.unsafe<Row[]>(
    `select ${COLUMNS} from fhir.resource r where r.rid in (
  select t.rid from fhir.sp_uri t where t.key in (${keys.join(', ')}) and t.value = any($1::text[]) limit ${MAX_INCLUDED + 1}) order by r.rid`,
    [textArray([...wanted.keys()])],
    { prepare: true },
  );
  return heads(rows).filter(({ typeId }) => types.includes(registry.typeName(typeId)));
};

const pointingTo = async (
  db: Db,
  revincludes: readonly Include[],
  to: readonly Head[],
  { registry, keyId }: IncludeContext,
): Promise<Head[]> => {
  const found: Head[] = [];
  for (const target of new Set(revincludes.map((each) => each.target))) {
    const own = revincludes.filter((each) => each.target === target);
    const targets = to.filter(({ typeId }) => target === undefined || registry.typeId(target) === typeId);
    if (targets.length === 0) continue;
    const keys = new Set(own.flatMap(({ parameters }) => parameters.flatMap((each) => each.keys)).map(keyId));
    const sources = new Set(own.map(({ source }) => registry.typeId(source)));
    const rows = await db.unsafe<Row[]>(
      `select ${COLUMNS}
from (select distinct t.rid from unnest($1::text[]) as wanted(reference)
  join fhir.sp_ref t on t.key in (${[...keys].join(', ')}) and t.target = hashtextextended(wanted.reference, 0) limit ${MAX_INCLUDED + 1}) hit
join fhir.resource r on r.rid = hit.rid where r.type in (${[...sources].join(', ')}) order by r.rid`,
      [textArray(targets.map(({ typeId, id }) => `${registry.typeName(typeId)}/${id}`))],
      { prepare: true },
    );
    found.push(...heads(rows));
  }
  return found;
};
