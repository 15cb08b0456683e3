/** What of each resource type is indexed, worked out once from the definitions. */
import { type CompiledPath, compilePath } from '../definitions/path.ts';
import type { Registry, SearchParameter } from '../definitions/registry.ts';
import { isKeyed } from '../store/search-table.ts';
import { createComposite } from './parameter/composite.ts';
import { content, narrative } from './parameter/content.ts';
import { date } from './parameter/date.ts';
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
  readonly paths: readonly CompiledPath[];
  /** Resources of other types are stored under these keys too. */
  readonly isShared: boolean;
}

export interface TypeIndex {
  readonly units: readonly IndexUnit[];
  readonly parameters: ReadonlyMap<string, IndexedParameter>;
}

/** Stands for every resource type in a search over all of them: what it has, each of them has. */
export const ANY_TYPE = 'DomainResource';

/** The row of sp_ref by which a resource is found from a reference to it. */
export const SELF_KEY = 'self';

/** Answered from the columns of fhir.resource. */
const COLUMNS = new Set(['_id', '_lastUpdated']);
const WHOLE: Readonly<Record<string, ParameterType>> = { _content: content, _text: narrative };

export const createIndexPlan = (registry: Registry, baseUrl: string): ((type: string) => TypeIndex) => {
  const parameterTypes: Readonly<Record<string, ParameterType>> = {
    string,
    token,
    date,
    number,
    quantity,
    reference: createReference(baseUrl),
    uri,
    special: position,
  };
  const plans = new Map<string, TypeIndex>();
  return (type) => {
    let plan = plans.get(type);
    if (plan === undefined) plans.set(type, (plan = planType(type, registry, parameterTypes)));
    return plan;
  };
};

const planType = (type: string, registry: Registry, parameterTypes: Readonly<Record<string, ParameterType>>): TypeIndex => {
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
      parameter,
      parameterType,
      paths,
      keys: isKeyed(parameterType.table) ? [...new Set(own.flatMap(keysOf))] : [],
      laneKeys: laneKeysOf(own),
      datatypes: [...new Set(paths.flatMap(({ types }) => types.filter((each) => parameterType.datatypes.has(each))))],
      isShared: !isKeyed(parameterType.table) || paths.some(({ key }) => !key.startsWith(`${type}.`) && !key.startsWith(`${type}(`)),
    });
  }
  // Patient.name is stored by its parts, so that Patient.name.family needs no rows of its own.
  return { units: [...units.values()].filter(({ key }) => !ofParts.has(key)), parameters };
};

const pathsOf = (
  parameter: SearchParameter,
  type: string,
  registry: Registry,
  parameterTypes: Readonly<Record<string, ParameterType>>,
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
  return { parameterType, paths };
};

const unitOf = ({ key: path, types, select }: CompiledPath, parameterType: ParameterType): IndexUnit => {
  const key = `${parameterType.table}:${path}`;
  const parts = new Map<string, readonly (readonly [string, string])[]>();
  const lanes = new Map<Lane, string>();
  for (const fhirType of types) {
    const elements = parameterType.parts?.(fhirType) ?? [];
    if (elements.length > 0)
      parts.set(
        fhirType,
        elements.map((element) => [element, `${key}.${element}`]),
      );
    for (const lane of Object.keys(parameterType.lanes?.(fhirType) ?? {}) as Lane[]) lanes.set(lane, `${key}#${lane}`);
  }
  return { parameterType, select, key, lanes, parts };
};

const keysOf = ({ key, parts }: IndexUnit): string[] =>
  parts.size === 0 ? [key] : [...parts.values()].flatMap((elements) => elements.map(([, partKey]) => partKey));

const laneKeysOf = (units: readonly IndexUnit[]): Map<Lane, string[]> => {
  const found = new Map<Lane, string[]>();
  for (const { lanes } of units) for (const [lane, key] of lanes) found.set(lane, [...(found.get(lane) ?? []), key]);
  return found;
};

/** Every index key of every resource type, in a fixed order. */
export const indexKeys = (registry: Registry, plan: (type: string) => TypeIndex): string[] =>
  [
    ...new Set([
      SELF_KEY,
      ...registry.resourceTypes.flatMap((type) =>
        plan(type)
          .units.filter(({ parameterType }) => isKeyed(parameterType.table))
          .flatMap((unit) => [...(unit.parts.size === 0 ? [unit.key] : []), ...keysOf(unit), ...unit.lanes.values()]),
      ),
    ]),
  ].sort();
