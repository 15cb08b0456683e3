/** What of each resource type is indexed, worked out once from the definitions. */
import { type CompiledPath, compilePath, isA } from '../definitions/path.ts';
import type { Registry, SearchParameter } from '../definitions/registry.ts';
import { isKeyed } from '../store/search-table.ts';
import { containedPlan, containedType, isContainedType, plainType } from './contained.ts';
import { createComposite } from './parameter/composite.ts';
import { content, narrative } from './parameter/content.ts';
import { date } from './parameter/date.ts';
import { implicitSystems } from './parameter/implicit-system.ts';
import { number } from './parameter/number.ts';
import type { Lane, ParameterType } from './parameter/parameter.ts';
import { position } from './parameter/position.ts';
import { quantity } from './parameter/quantity.ts';
import { createReference } from './parameter/reference.ts';
import { string } from './parameter/string.ts';
import { token } from './parameter/token.ts';
import { uri } from './parameter/uri.ts';

/** One walk over a resource and where its values go. */
export interface IndexUnit {
  readonly parameterType: ParameterType;
  readonly select: CompiledPath['select'];
  /** Index key of the value itself. */
  readonly key: string;
  /** Whether values have rows under it: those of datatypes that aren't made of parts, as a choice may hold beside others. */
  readonly hasOwn: boolean;
  /** Index key of each lane that its values may have rows in. */
  readonly lanes: ReadonlyMap<Lane, string>;
  /** For datatypes made of parts: element and index key of each. */
  readonly parts: ReadonlyMap<string, readonly (readonly [element: string, key: string])[]>;
}

/** A search parameter of a resource type, and the index keys that its values are stored under. */
export interface IndexedParameter {
  readonly parameter: SearchParameter;
  readonly parameterType: ParameterType;
  /** None where all rows of the table are of this one parameter. */
  readonly keys: readonly string[];
  readonly laneKeys: ReadonlyMap<Lane, readonly string[]>;
  readonly datatypes: readonly string[];
  /** What the codes are of that come without their system; undefined where that is open. */
  readonly systems: ReadonlySet<string> | undefined;
  readonly paths: readonly CompiledPath[];
  /** Resources of other types are stored under these keys too. */
  readonly isShared: boolean;
  /** A client has written it: it means only what its definition says, whatever its code. */
  readonly isAdded: boolean;
}

/** A search parameter that isn't the specification's; see fhir/search-parameter/. */
export interface AddedParameter {
  readonly parameter: SearchParameter;
  /** Resource types, or Resource or DomainResource. */
  readonly bases: readonly string[];
  /** Different for each definition that there has ever been; part of its index keys, so that no two definitions share a row. */
  readonly generation: number;
  /** Only indexed so far: says how far that is. */
  readonly pending?: (() => string) | undefined;
  /** What a composite's components are defined by. */
  readonly components?: readonly SearchParameter[] | undefined;
  /** What it alone needs of each type ({@link createAddedPlan}), by who keeps that: to compile it for all types takes long. */
  readonly alone?: (type: string) => TypeIndex;
}

export interface TypeIndex {
  readonly units: readonly IndexUnit[];
  readonly parameters: ReadonlyMap<string, IndexedParameter>;
  /** Codes that can't be searched by yet, and what to say of it. */
  readonly pending: ReadonlyMap<string, () => string>;
}

type ParameterTypes = Readonly<Record<string, ParameterType>>;

/** Stands for every resource type in a search over all of them: what it has, each of them has. */
export const ANY_TYPE = 'DomainResource';

/** The row of sp_ref by which a resource is found from a reference to it. */
export const SELF_KEY = 'self';

/** Answered from the columns of fhir.resource. */
const COLUMNS = new Set(['_id', '_lastUpdated']);
const WHOLE: Readonly<Record<string, ParameterType>> = { _content: content, _text: narrative };

const parameterTypesFor = (baseUrl: string): ParameterTypes => ({
  string,
  token,
  date,
  number,
  quantity,
  reference: createReference(baseUrl),
  uri,
  special: position,
});

const memoised = (planType: (type: string) => TypeIndex): ((type: string) => TypeIndex) => {
  const plans = new Map<string, TypeIndex>();
  return (type) => {
    let plan = plans.get(type);
    if (plan === undefined) plans.set(type, (plan = planType(type)));
    return plan;
  };
};

/** What the specification's own search parameters need. */
export const createIndexPlan = (registry: Registry, baseUrl: string): ((type: string) => TypeIndex) => {
  const parameterTypes = parameterTypesFor(baseUrl);
  const planOf = memoised((type) => planType(type, registry, parameterTypes));
  const ofContained = memoised((type) => containedPlan(planOf(plainType(type))));
  return (type) => (isContainedType(type) ? ofContained(type) : planOf(type));
};

/** The same with further parameters; types that none of them is for keep the plan that they have. */
export const createExtendedPlan = (
  {
    registry,
    baseUrl,
    standard,
  }: { readonly registry: Registry; readonly baseUrl: string; readonly standard: (type: string) => TypeIndex },
  added: readonly AddedParameter[],
): ((type: string) => TypeIndex) => {
  const all = added.map((each) => ({ each, alone: each.alone ?? createAddedPlan({ registry, baseUrl }, each) }));
  return memoised((type) => {
    const own = all.flatMap(({ each, alone }) => (alone(type) === NOTHING ? [] : { ...each, index: alone(type) }));
    return own.length === 0 ? standard(type) : extendType(standard(type), own);
  });
};

const extendType = (standard: TypeIndex, added: readonly (AddedParameter & { readonly index: TypeIndex })[]): TypeIndex => {
  const units = [...standard.units];
  const parameters = new Map(standard.parameters);
  const pending = new Map<string, () => string>();
  for (const { parameter, pending: describe, index } of added) {
    const { code } = parameter;
    if (parameters.has(code) || pending.has(code)) continue;
    units.push(...index.units);
    if (describe === undefined) parameters.set(code, index.parameters.get(code)!);
    else pending.set(code, describe);
  }
  return { units, parameters, pending };
};

/** What an added parameter alone needs of a type; undefined where its expression finds nothing there that it could index. */
const planAdded = (
  type: string,
  { parameter, generation, components = [] }: AddedParameter,
  { registry, parameterTypes }: { readonly registry: Registry; readonly parameterTypes: ParameterTypes },
): { readonly units: readonly IndexUnit[]; readonly indexed: IndexedParameter } | undefined => {
  const byUrl = new Map(components.map((each) => [each.url, each]));
  const within = { ...registry, searchParameterByUrl: (url: string) => byUrl.get(url) ?? registry.searchParameterByUrl(url) };
  const found = pathsOf(parameter, type, within, parameterTypes);
  if (found === undefined || found.paths.length === 0) return undefined;
  const { parameterType } = found;
  const paths = found.paths.map((path) => ({ ...path, key: `${keyPrefix(generation)}${path.key}` }));
  const units = paths.map((path) => unitOf(path, parameterType));
  return { units, indexed: { ...indexedOf(parameter, { parameterType, paths, units, registry }), isShared: true, isAdded: true } };
};

/** What the path in an index key of an added parameter begins with. */
export const keyPrefix = (generation: number): string => `{${generation}}`;

/** A plan with nothing in it but one added parameter: for its base types, since `gender` is no path of others. */
export const createAddedPlan = (
  { registry, baseUrl }: { readonly registry: Registry; readonly baseUrl: string },
  added: AddedParameter,
): ((type: string) => TypeIndex) => {
  const parameterTypes = parameterTypesFor(baseUrl);
  const planOf = memoised((type) => {
    const own = planAdded(type, added, { registry, parameterTypes });
    if (own === undefined) return NOTHING;
    return { ...NOTHING, units: own.units, parameters: new Map([[added.parameter.code, own.indexed]]) };
  });
  const isCommon = isOfAnyType(added.parameter);
  return (type) => {
    // Contained resources are indexed by the specification's parameters alone.
    if (isContainedType(type) || !added.bases.some((base) => isA(type, base, registry))) return NOTHING;
    if (!isCommon) return planOf(type);
    return planOf(isA(type, 'DomainResource', registry) ? 'DomainResource' : 'Resource');
  };
};

/** Whether it says the same of every type: compiled for 148 types one by one it takes a hundred times as long and as much memory. */
const isOfAnyType = ({ type, expression }: SearchParameter): boolean =>
  type !== 'composite' && expression.split('|').every((branch) => /^(?:Domain)?Resource\./.test(branch.trim()));

const NOTHING: TypeIndex = { units: [], parameters: new Map(), pending: new Map() };

const planType = (type: string, registry: Registry, parameterTypes: ParameterTypes): TypeIndex => {
  const units = new Map<string, IndexUnit>();
  const ofParts = new Set<string>();
  const parameters = new Map<string, IndexedParameter>();
  for (const parameter of registry.searchParameters(type)) {
    const found = COLUMNS.has(parameter.code) ? undefined : pathsOf(parameter, type, registry, parameterTypes);
    if (found === undefined || found.paths.length === 0) continue;
    const { parameterType, paths } = found;
    const own = paths.map((path) => unitOf(path, parameterType));
    for (const unit of own) {
      units.set(unit.key, unit);
      for (const [, key] of [...unit.parts.values()].flat()) ofParts.add(key);
    }
    parameters.set(parameter.code, {
      ...indexedOf(parameter, { parameterType, paths, units: own, registry }),
      isShared: !isKeyed(parameterType.table) || paths.some(({ key }) => !key.startsWith(`${type}.`) && !key.startsWith(`${type}(`)),
      isAdded: false,
    });
  }
  // Patient.name is stored by its parts, so that Patient.name.family needs no rows of its own.
  return { units: [...units.values()].filter(({ key }) => !ofParts.has(key)), parameters, pending: new Map() };
};

const indexedOf = (
  parameter: SearchParameter,
  {
    parameterType,
    paths,
    units,
    registry,
  }: {
    readonly parameterType: ParameterType;
    readonly paths: readonly CompiledPath[];
    readonly units: readonly IndexUnit[];
    readonly registry: Registry;
  },
): Omit<IndexedParameter, 'isShared' | 'isAdded'> => ({
  parameter,
  parameterType,
  paths,
  keys: isKeyed(parameterType.table) ? [...new Set(units.flatMap(keysOf))] : [],
  laneKeys: laneKeysOf(units),
  datatypes: [...new Set(paths.flatMap(({ types }) => types.filter((each) => parameterType.datatypes.has(each))))],
  systems: parameterType.table === 'token' ? implicitSystems(paths, registry) : undefined,
});

const pathsOf = (
  parameter: SearchParameter,
  type: string,
  registry: Registry,
  parameterTypes: ParameterTypes,
): { parameterType: ParameterType; paths: readonly CompiledPath[] } | undefined => {
  const whole = WHOLE[parameter.code];
  if (whole !== undefined)
    return { parameterType: whole, paths: [{ key: '', types: ['Resource'], select: (resource, emit) => emit(resource, 'Resource') }] };
  if (parameter.expression === '') return undefined;
  if (parameter.type === 'composite') return createComposite(parameter, type, registry, parameterTypes);
  const parameterType = parameterTypes[parameter.type];
  if (parameterType === undefined) return undefined;
  const paths = compilePath(parameter.expression, type, registry).filter(({ types }) =>
    types.some((each) => parameterType.datatypes.has(each)),
  );
  const { targets } = parameter;
  return {
    parameterType,
    paths: paths.map((path) => (path.types.includes('Resource') && targets.length > 0 ? ofTypes(path, targets) : path)),
  };
};

/** Only resources of these types: Bundle.composition and Bundle.message are written as the same path. */
const ofTypes = (path: CompiledPath, types: readonly string[]): CompiledPath => ({
  ...path,
  key: `${path.key}.ofType(${types.join('|')})`,
  jsonPaths: () => {
    const isOne = types.map((type) => `@."resourceType" == "${type}"`).join(' || ');
    return (path.jsonPaths?.() ?? []).map((each) => ({ ...each, path: `${each.path} ? (${isOne})` }));
  },
  select: (resource, emit) =>
    path.select(resource, (value, fhirType) => {
      const { resourceType } = (value ?? {}) as { readonly resourceType?: string };
      if (types.includes(resourceType ?? '')) emit(value, fhirType);
    }),
});

const unitOf = ({ key: path, types, select }: CompiledPath, parameterType: ParameterType): IndexUnit => {
  const key = `${parameterType.table}:${path}`;
  const parts = new Map<string, readonly (readonly [string, string])[]>();
  const lanes = new Map<Lane, string>();
  for (const fhirType of types) {
    const elements = parameterType.parts?.(fhirType) ?? [];
    if (elements.length > 0) {
      parts.set(
        fhirType,
        elements.map((element) => [element, `${key}.${element}`]),
      );
    } else for (const lane of lanesOf(parameterType, fhirType)) lanes.set(lane, laneKey(key, lane));
  }
  const hasOwn = parts.size === 0 || types.some((each) => parameterType.datatypes.has(each) && !parts.has(each));
  return { parameterType, select, key, hasOwn, lanes, parts };
};

const lanesOf = ({ lanes }: ParameterType, fhirType: string): Lane[] => Object.keys(lanes?.(fhirType) ?? {}) as Lane[];

/** What the parts of a datatype are, for who indexes them. */
export const PART_TYPE = 'string';

/** The index key of a lane of what has a key of its own. */
export const laneKey = (key: string, lane: Lane): string => `${key}#${lane}`;

/** Each lane of a unit with its index key: of the value itself, and of each of its parts. */
const laneEntries = ({ parameterType, lanes, parts }: IndexUnit): (readonly [Lane, string])[] => [
  ...lanes,
  ...[...parts.values()].flatMap((elements) =>
    elements.flatMap(([, key]) => lanesOf(parameterType, PART_TYPE).map((lane) => [lane, laneKey(key, lane)] as const)),
  ),
];

const keysOf = ({ key, hasOwn, parts }: IndexUnit): string[] => [
  ...(hasOwn ? [key] : []),
  ...[...parts.values()].flatMap((elements) => elements.map(([, partKey]) => partKey)),
];

const laneKeysOf = (units: readonly IndexUnit[]): Map<Lane, string[]> => {
  const found = new Map<Lane, string[]>();
  for (const [lane, key] of units.flatMap(laneEntries)) found.set(lane, [...(found.get(lane) ?? []), key]);
  return found;
};

/** Every index key of every resource type, in a fixed order. */
export const indexKeys = (registry: Registry, plan: (type: string) => TypeIndex): string[] =>
  [
    ...new Set([
      SELF_KEY,
      ...registry.resourceTypes.flatMap((type) => [type, containedType(type)].flatMap((each) => unitKeys(plan(each)))),
    ]),
  ].sort();

/** The index keys that the units of one type store rows under. */
export const unitKeys = ({ units }: TypeIndex): string[] =>
  units
    .filter(({ parameterType }) => isKeyed(parameterType.table))
    .flatMap((unit) => [...keysOf(unit), ...laneEntries(unit).map(([, key]) => key)]);
