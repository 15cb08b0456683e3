/** What this process indexes and searches by: R4's parameters and those that clients have written, exchanged as a whole. */
import type { Registry } from '../definitions/registry.ts';
import { createExtractor, type Extractor } from '../search/extract.ts';
import {
  type AddedParameter,
  createAddedPlan,
  createExtendedPlan,
  createIndexPlan,
  indexKeys,
  type TypeIndex,
  unitKeys,
} from '../search/index-plan.ts';
import { storeIndexKeys } from '../store/index-key.ts';
import type { Sql } from '../store/pool.ts';
import type { AddedParameters } from './added-parameters.ts';
import type { Definition, OtherParameter } from './definition.ts';
import { type Progress, readPlan, readPulse, type StoredParameter } from './parameter-table.ts';
import { refuseStored } from './refuse-stored.ts';

export interface SearchPlan {
  readonly planOf: (type: string) => TypeIndex;
  readonly keyId: (key: string) => number;
  readonly extractor: Extractor;
  readonly added: AddedParameters;
  /** Looks whether there is another plan, and goes by it from then on. */
  readonly refresh: () => Promise<void>;
}

/** One plan; never changes. */
interface State {
  readonly version: number;
  readonly planOf: (type: string) => TypeIndex;
  readonly extractor: Extractor;
  readonly others: readonly OtherParameter[];
}

interface Compiled {
  /** JSON */
  readonly definition: string;
  readonly added: AddedParameter;
  readonly keys: readonly string[];
}

export const openSearchPlan = async ({
  registry,
  baseUrl,
  sql: db,
  onFault,
}: {
  readonly registry: Registry;
  readonly baseUrl: string;
  readonly sql: Sql;
  /** Hears which stored parameters this code can't go by. */
  readonly onFault: (error: unknown) => void;
}): Promise<SearchPlan> => {
  const standard = createIndexPlan(registry, baseUrl);
  // Never forgets one: a search that began before a change goes on with the keys that it knew.
  const ids = new Map(await storeIndexKeys(db, indexKeys(registry, standard)));
  const keyId = (key: string): number => {
    const id = ids.get(key);
    if (id === undefined) throw new Error(`no index key ${key}`);
    return id;
  };
  const typeIdOf = (type: string): number | undefined => (registry.isResourceType(type) ? registry.typeId(type) : undefined);
  let progress = new Map<number, Progress>();

  // A definition never changes, only what becomes of it: so it is compiled once, and not whenever another comes or is ready.
  const compiled = new Map<number, Compiled>();
  const compiledOf = ({ definition, generation }: StoredParameter): Compiled => {
    const known = compiled.get(generation);
    if (known?.definition === definition) return known;
    const added: AddedParameter = { ...(JSON.parse(definition) as Definition), generation };
    const made = {
      definition,
      keys: keysOf(added, registry, baseUrl),
      added: { ...added, alone: createAddedPlan({ registry, baseUrl }, added) },
    };
    compiled.set(generation, made);
    return made;
  };
  const load = async (): Promise<State> => {
    const { version, parameters } = await readPlan(db);
    const added: AddedParameter[] = [];
    const keys: string[] = [];
    for (const stored of parameters) {
      try {
        const { generation, state: stage } = stored;
        const each = compiledOf(stored);
        keys.push(...each.keys);
        added.push({ ...each.added, pending: stage === 'ready' ? undefined : () => describe(progress.get(generation)) });
      } catch (cause) {
        // Without it this process would store writes that others count as indexed: so it is in no plan any more, and all the others go on.
        onFault(new Error(`search parameter ${stored.id} can't be indexed by this version of the server and is refused`, { cause }));
        await refuseStored(db, stored);
      }
    }
    if (added.length < parameters.length) return load();
    const current = new Set(parameters.map(({ generation }) => generation));
    for (const generation of compiled.keys()) if (!current.has(generation)) compiled.delete(generation);
    const planOf = createExtendedPlan({ registry, baseUrl, standard }, added);
    if (keys.some((key) => !ids.has(key))) for (const [key, id] of await storeIndexKeys(db, keys)) ids.set(key, id);
    return {
      version,
      planOf,
      extractor: createExtractor(planOf, keyId, { typeIdOf, version }),
      others: othersOf(parameters),
    };
  };

  let state = await load();
  return {
    planOf: (type) => state.planOf(type),
    keyId,
    extractor: {
      get version() {
        return state.version;
      },
      extract: (type, id, resource) => state.extractor.extract(type, id, resource),
      extractContained: (container, resource) => state.extractor.extractContained(container, resource),
    },
    added: {
      get version() {
        return state.version;
      },
      others: () => state.others,
    },
    refresh: async () => {
      const pulse = await readPulse(db);
      progress = new Map(pulse.progress.map((each) => [each.generation, each]));
      if (pulse.version !== state.version) state = await load();
    },
  };
};

/** What others than these have to know of them. */
export const othersOf = (parameters: readonly StoredParameter[]): OtherParameter[] =>
  parameters.map(({ id, package: label, definition }) => ({
    ...(JSON.parse(definition) as Definition),
    id,
    ...(label !== null && { package: label }),
  }));

const describe = (progress: Progress | undefined): string =>
  progress === undefined || progress.total === null
    ? 'ask again in some seconds'
    : `${progress.done} of ${progress.total} resources are done`;

/** The index keys of one added parameter. */
export const keysOf = (added: AddedParameter, registry: Registry, baseUrl: string): string[] => {
  const planOf = createAddedPlan({ registry, baseUrl }, added);
  return [...new Set(registry.resourceTypes.flatMap((type) => unitKeys(planOf(type))))];
};
