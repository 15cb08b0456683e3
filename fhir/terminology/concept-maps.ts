/** Concept maps: R4's own, those of loaded packages, and those stored on this server. */
import { readFileSync } from 'node:fs';
import { FhirError } from '../http/outcome.ts';
import type { Db } from '../store/pool.ts';
import { bytesBefore } from '../store/page-bytes.ts';
import { numberArray } from '../store/pool.ts';
import type { ConceptMap } from './concept-map.ts';
import { type StoredOptions, storedByCanonical } from './stored.ts';
import type { LazyResource } from './sources.ts';
import { splitCanonical } from './resources.ts';

export interface ConceptMaps {
  /** By canonical address or `ConceptMap/<id>`; what is loaded comes first. */
  find(db: Db, canonical: string): Promise<ConceptMap | undefined>;
  /** Those from (or to) a code system, none that is retired; throws 413 where they are too many. */
  of(db: Db, system: string, side: 'source' | 'target'): Promise<readonly ConceptMap[]>;
}

export interface ConceptMapsOptions extends StoredOptions {
  readonly packages: Iterable<LazyResource>;
}

const DATA_FILE = new URL('../definitions/data/r4-concept-maps.jsonl', import.meta.url);

/** Maps that one question looks through. */
const MAX_MAPS = 50;
const MAX_MAPS_BYTES = 16 << 20;
/** What a B-tree entry of an address holds (fhir/search/parameter/uri.ts). */
const MAX_ADDRESS = 1000;

const BY_SYSTEM = `select hit.rid, hit.body is null as "isCut", hit.body from (
  select r.rid, case when ${bytesBefore('r.body', 'r.rid')} < ${MAX_MAPS_BYTES} then r.body end as body from (
    select distinct t.rid from fhir.sp_uri t where t.key = any($1::smallint[]) and t.value = $2 order by t.rid limit ${MAX_MAPS + 1}) hits
  join fhir.resource r on r.rid = hits.rid where r.type = $3 and not r.deleted) hit order by hit.rid`;

const tooMany = (system: string): FhirError =>
  new FhirError(
    'too-costly',
    `more concept maps of ${system.slice(0, 200)} are known than one question may look through: name one by url`,
    {
      expression: 'http.url',
    },
  );

const isCurrent = ({ status }: ConceptMap): boolean => status !== 'retired';

export const createConceptMaps = ({ packages, ...options }: ConceptMapsOptions): ConceptMaps => {
  const { registry, planOf, keyId } = options;
  const storedMap = storedByCanonical<ConceptMap>(options, 'ConceptMap');
  let loaded: readonly ConceptMap[] | undefined;
  // Read when they are asked for first: most servers are never asked.
  const load = (): readonly ConceptMap[] => {
    const core = readFileSync(DATA_FILE, 'utf8').split('\n').filter(Boolean);
    return (loaded ??= [
      ...[...packages].map(({ resource }) => resource() as ConceptMap),
      ...core.map((line) => JSON.parse(line) as ConceptMap),
    ]);
  };
  return {
    find: async (db, canonical) => {
      const [url, version] = splitCanonical(canonical);
      const known = load().find((map) => map.url === url && (version === undefined || map.version === version));
      return known ?? storedMap(db, canonical);
    },
    of: async (db, system, side) => {
      const keys = planOf('ConceptMap').parameters.get(`${side}-system`)!.keys.map(keyId);
      const parameters = [numberArray(keys), system.slice(0, MAX_ADDRESS), registry.typeId('ConceptMap')];
      const rows = await db.unsafe<{ isCut: boolean; body: string }[]>(BY_SYSTEM, parameters, { prepare: true });
      const own = load().filter((map) => map.group?.some((group) => group[side] === system));
      if (rows.length + own.length > MAX_MAPS || rows.some(({ isCut }) => isCut)) throw tooMany(system);
      return [...own, ...rows.map(({ body }) => JSON.parse(body) as ConceptMap)].filter(isCurrent);
    },
  };
};
