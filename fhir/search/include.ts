import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { type Head, HEAD_COLUMNS, headOf, type HeadRow, WANTED } from '../store/head.ts';
import { MAX_PAGE_BYTES } from '../store/page-bytes.ts';
import { type Db, numberArray, textArray } from '../store/pool.ts';
import type { IndexedParameter, TypeIndex } from './index-plan.ts';
import { canonicalReference, isLocalReference, versionOf } from './parameter/reference.ts';
import { MAX_URI } from './parameter/uri.ts';
import type { ParseOptions } from './parse.ts';
import { canonicalTarget } from './parsing.ts';
import type { Include, SearchRequest } from './request.ts';
import { splitCanonical } from '../terminology/resources.ts';

const MAX_INCLUDED = 5000;
const MAX_INCLUDED_BYTES = 2 * MAX_PAGE_BYTES;
const MAX_ROUNDS = 8;

export interface IncludeContext {
  readonly registry: Registry;
  readonly keyId: (key: string) => number;
  readonly planOf: (type: string) => TypeIndex;
  readonly baseUrl: string;
  readonly allowed: ParseOptions['allowed'];
}

/** The resources that the matches of a search point to, or that point to them; each version once, none of the matches. */
export const readIncluded = async (
  db: Db,
  { includes, revincludes }: SearchRequest,
  matches: readonly Head[],
  context: IncludeContext,
): Promise<Head[]> => {
  if (includes.length === 0 && revincludes.length === 0) return [];
  const read = createReader(db);
  const nameOf = ({ rid, version }: Head): string => `${rid}/${version}`;
  const seen = new Set(matches.map(nameOf));
  const included: Head[] = [];
  let from: readonly Head[] = matches;
  for (let round = 0; round < MAX_ROUNDS && from.length > 0; round++) {
    const apply = (each: Include): boolean => round === 0 || each.iterate;
    const found = [
      ...(await follow(read, includes.filter(apply), from, context)),
      ...(await pointingTo(read, revincludes.filter(apply), from, context)),
    ];
    const fresh: Head[] = [];
    for (const head of found) {
      if (seen.has(nameOf(head)) || head.body === null) continue;
      seen.add(nameOf(head));
      fresh.push(head);
    }
    included.push(...fresh);
    if (included.length > MAX_INCLUDED) throw tooMuch();
    from = fresh;
  }
  return included;
};

const tooMuch = (): FhirError =>
  new FhirError(
    'too-costly',
    `more than ${MAX_INCLUDED} resources would be included, or very large ones: ask for smaller pages with _count`,
  );

interface Row extends HeadRow {
  /** Of the bodies up to this one. */
  readonly bytes: number;
}

/** Reads the resources `r` of a from clause; `parameters` are its values. */
type Read = (from: string, parameters: readonly string[]) => Promise<Head[]>;

/** Throws 413 where all that is read has more bytes than a page may have beside its matches, before it is read. */
const createReader = (db: Db): Read => {
  let left = MAX_INCLUDED_BYTES;
  return async (from, parameters) => {
    const rows = await db.unsafe<Row[]>(
      `select ${HEAD_COLUMNS},
  sum(octet_length(r.body)) over up_to as bytes, case when sum(octet_length(r.body)) over up_to <= $${parameters.length + 1}::bigint then r.body end as body
from ${from} window up_to as (order by r.rid) order by r.rid limit ${MAX_INCLUDED + 1}`,
      [...parameters, left],
      { prepare: true },
    );
    left -= rows.at(-1)?.bytes ?? 0;
    if (left < 0 || rows.length > MAX_INCLUDED) throw tooMuch();
    return rows.map(headOf);
  };
};

const follow = async (read: Read, includes: readonly Include[], from: readonly Head[], context: IncludeContext): Promise<Head[]> => {
  if (includes.length === 0) return [];
  const { registry, baseUrl, allowed } = context;
  const wanted = new Map<string, Wanted>();
  /** By addresses as they are written. */
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
              const version = versionOf(reference);
              if (isWanted(type)) wanted.set(`${local} ${version}`, { typeId: registry.typeId(type), id, version });
            } else if (typeof value === 'string') {
              const types = (parameter.targets.length > 0 ? parameter.targets : registry.resourceTypes).filter(isWanted);
              canonical.set(reference, new Set([...(canonical.get(reference) ?? []), ...types]));
            }
          });
        }
      }
    }
  }
  const local = await byId(read, [...wanted.values()]);
  return canonical.size === 0 ? local : [...local, ...(await byUrl(read, canonical, context))];
};

interface Wanted {
  readonly typeId: number;
  readonly id: string;
  /** Undefined for the newest. */
  readonly version: number | undefined;
}

/** What {@link WANTED} is, each in the version that the array $3 says; in its newest one where that isn't kept or deletes. */
const WANTED_VERSIONS = `unnest((select $1)::smallint[], (select $2)::text[], (select $3)::integer[]) as wanted(type, id, version)
join fhir.resource c using (type, id)
left join fhir.resource_history h on h.rid = c.rid and h.version = wanted.version and not h.deleted
cross join lateral (select c.rid, c.type, c.id, coalesce(h.version, c.version) as version, coalesce(h.updated, c.updated) as updated,
  coalesce(h.body, c.body) as body) r`;

/** "the specified version SHOULD be provided": http://hl7.org/fhir/R4/search.html#revinclude */
const byId = async (read: Read, wanted: readonly Wanted[]): Promise<Head[]> => {
  const named = (some: readonly Wanted[]): string[] => [numberArray(some.map(({ typeId }) => typeId)), textArray(some.map(({ id }) => id))];
  const newest = wanted.filter(({ version }) => version === undefined);
  const versions = wanted.filter(({ version }) => version !== undefined);
  return [
    ...(newest.length === 0 ? [] : await read(`${WANTED} where not r.deleted`, named(newest))),
    ...(versions.length === 0
      ? []
      : await read(`${WANTED_VERSIONS} where r.body is not null`, [
          ...named(versions),
          numberArray(versions.map(({ version }) => version!)),
        ])),
  ];
};

/** What canonical addresses lead to, of the types that each may be of. */
const byUrl = async (
  read: Read,
  wanted: ReadonlyMap<string, ReadonlySet<string>>,
  { registry, keyId, planOf }: IncludeContext,
): Promise<Head[]> => {
  const types = [...new Set([...wanted.values()].flatMap((each) => [...each]))];
  const found = types.flatMap((type) => canonicalTarget(type, { planOf }) ?? []);
  const keys = found.flatMap(({ url }) => url.keys).map(keyId);
  if (keys.length === 0) return [];
  const ofVersions = found.flatMap(({ version }) => version?.keys ?? []).map(keyId);
  const isOfVersion = `exists (select from fhir.sp_token v where v.rid = t.rid and v.key = any('{${ofVersions.join(',')}}'::smallint[]) and v.code = hashtextextended(wanted.version, 0))`;
  const typeIds = types.map(registry.typeId);
  const addresses = [...wanted.keys()].map(splitCanonical);
  const heads = await read(
    `fhir.resource r where r.type in (${typeIds.join(', ')}) and r.rid in (
  select t.rid from unnest((select $1)::text[], (select $2)::text[]) as wanted(url, version)
  join fhir.sp_uri t on t.key in (${keys.join(', ')}) and t.value = wanted.url
  where wanted.version is null or ${isOfVersion} limit ${MAX_INCLUDED + 1})`,
    [textArray(addresses.map(([url]) => url)), textArray(addresses.map(([, version]) => version ?? null))],
  );
  // One _include may name a type where another one leaves it open.
  return heads.filter((head) => addressesOf(head).some((address) => wanted.get(address)?.has(registry.typeName(head.typeId))));
};

const pointingTo = async (
  read: Read,
  revincludes: readonly Include[],
  to: readonly Head[],
  { registry, keyId }: IncludeContext,
): Promise<Head[]> => {
  const found: Head[] = [];
  for (const target of new Set(revincludes.map((each) => each.target))) {
    const own = revincludes.filter((each) => each.target === target);
    const targets = to.filter(({ typeId }) => target === undefined || registry.typeId(target) === typeId);
    if (targets.length === 0) continue;
    const parameters = own.flatMap((each) => each.parameters);
    const keysOf = (some: readonly IndexedParameter[]): number[] => [...new Set(some.flatMap(({ keys }) => keys))].map(keyId);
    const sources = new Set(own.map(({ source }) => registry.typeId(source)));
    const canonical = [...new Set(parameters.flatMap(({ laneKeys }) => laneKeys.get('canonical') ?? []))].map(keyId);
    const addresses = canonical.length === 0 ? [] : targets.flatMap(addressesOf);
    const byReference = `select t.rid from unnest((select $1)::text[]) as wanted(reference)
  join fhir.sp_ref t on t.key in (${keysOf(parameters).join(', ')}) and t.target = hashtextextended(wanted.reference, 0)`;
    const byAddress = `select t.rid from unnest((select $2)::text[]) as wanted(address)
  join fhir.sp_uri t on t.key in (${canonical.join(', ')}) and t.value = wanted.address`;
    const hits = addresses.length === 0 ? byReference : `${byReference} union ${byAddress}`;
    const rows = await read(
      `(select distinct rid from (${hits}) hits limit ${MAX_INCLUDED + 1}) hit
join fhir.resource r on r.rid = hit.rid where r.type in (${[...sources].join(', ')})`,
      [
        textArray(targets.map(({ typeId, id }) => `${registry.typeName(typeId)}/${id}`)),
        ...(addresses.length === 0 ? [] : [textArray([...new Set(addresses)])]),
      ],
    );
    found.push(...rows);
  }
  return found;
};

/** What canonical references name a resource by: its address, and that with its version. */
const addressesOf = ({ body }: Head): string[] => {
  const { url, version } = JSON.parse(body!) as { url?: unknown; version?: unknown };
  if (typeof url !== 'string') return [];
  return (typeof version === 'string' ? [url, `${url}|${version}`] : [url]).map((each) => each.slice(0, MAX_URI));
};
