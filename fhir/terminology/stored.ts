import type { Registry } from '../definitions/registry.ts';
import type { TypeIndex } from '../search/index-plan.ts';
import { type Db, numberArray, textArray } from '../store/pool.ts';
import { bytesBefore, MAX_PAGE_BYTES } from '../store/page-bytes.ts';
import { ridOf } from '../store/rid.ts';
import { type CodeSystem, splitCanonical, type TerminologyResource } from './resources.ts';
import type { FindNaming, FindStored } from './terminology.ts';

export interface StoredOptions {
  readonly registry: Registry;
  readonly planOf: (type: string) => TypeIndex;
  readonly keyId: (key: string) => number;
  /** What lies below it is meant literally, and only else by its canonical address. */
  readonly baseUrl?: string;
}

/** Versions of one address that are looked at, the newest ones and 8 MB of them at most, and what a B-tree entry of an address holds (fhir/search/parameter/uri.ts). */
const MAX_VERSIONS = 50;
const MAX_ADDRESS = 1000;

const BY_URL = `select body from (select body, ${bytesBefore('body', 'updated desc, rid')} as before from (
  select r.rid, r.updated, r.body from fhir.sp_uri t join fhir.resource r on r.rid = t.rid
  where t.key = any($1::smallint[]) and t.value = $2 and r.type = $3 and not r.deleted order by r.updated desc, r.rid limit ${MAX_VERSIONS}) newest) sized
  where before < ${MAX_PAGE_BYTES}`;
const BY_ID = 'select r.body from fhir.resource r where r.type = $1 and r.id = $2 and not r.deleted';
const LITERAL = /^[A-Z][A-Za-z]+\/([A-Za-z0-9\-.]{1,64})$/;

interface Canonical {
  readonly url?: string;
  readonly version?: string;
  readonly status?: string;
}

const isRetired = ({ status }: Canonical): boolean => status === 'retired';
const later = (a: Canonical, b: Canonical): number =>
  Number(isRetired(a)) - Number(isRetired(b)) || (b.version ?? '').localeCompare(a.version ?? '', 'en', { numeric: true });

/**
 * A stored resource of one type by `Type/id`, alone or below the base, or by address: of several versions the newest, one that is retired last.
 * Sources: http://hl7.org/fhir/R4/references.html#canonical, http://hl7.org/fhir/R4/search.html#token (`:in`)
 */
export const storedByCanonical =
  <T extends Canonical>({ registry, planOf, keyId, baseUrl }: StoredOptions, type: string) =>
  async (db: Db, canonical: string, onRead: (characters: number) => void = () => undefined): Promise<T | undefined> => {
    const typeId = registry.typeId(type);
    const isHere = baseUrl !== undefined && canonical.startsWith(`${baseUrl}/${type}/`);
    const id = LITERAL.exec(isHere ? canonical.slice(baseUrl.length + 1) : canonical)?.[1];
    if (id !== undefined) {
      const [row] = await db.unsafe<{ body: string }[]>(BY_ID, [typeId, id], { prepare: true });
      onRead(row?.body.length ?? 0);
      if (row !== undefined || !isHere) return row && (JSON.parse(row.body) as T);
    }
    const [url, version] = splitCanonical(canonical);
    const keys = planOf(type).parameters.get('url')!.keys.map(keyId);
    const rows = await db.unsafe<{ body: string }[]>(BY_URL, [numberArray(keys), url.slice(0, MAX_ADDRESS), typeId], { prepare: true });
    return rows
      .map(({ body }) => (onRead(body.length), JSON.parse(body) as T))
      .filter((resource) => resource.url === url && (version === undefined || resource.version === version))
      .sort(later)[0];
  };

// No search parameter is for it, so that no row says it. Most code systems name none, and aren't parsed.
const NAMING = `select r.body from (select r.body from fhir.resource r
  where r.type = $1 and r.rid between $2 and $3 and not r.deleted and position('"valueSet"' in r.body) > 0 offset 0) r
  where split_part(fhir.jsonb_or_null(r.body) ->> 'valueSet', '|', 1) = any($4::text[]) limit ${MAX_VERSIONS}`;

export const createFindNaming =
  ({ registry }: Pick<StoredOptions, 'registry'>): FindNaming =>
  async (db, urls, onRead) => {
    const typeId = registry.typeId('CodeSystem');
    const rows = await db.unsafe<{ body: string }[]>(NAMING, [typeId, ridOf(typeId, 0), ridOf(typeId + 1, 0) - 1, textArray(urls)], {
      prepare: true,
    });
    return rows.map(({ body }) => (onRead(body.length), JSON.parse(body) as CodeSystem));
  };

/** The same of value sets and code systems. */
export const createFindStored =
  (options: StoredOptions): FindStored =>
  (db, type, canonical, onRead) =>
    storedByCanonical<TerminologyResource>(options, type)(db, canonical, onRead);
