/** What of each resource type is indexed, worked out once from the definitions. */
import { type CompiledPath, compilePath } from '../definitions/path.ts';
import type { Registry, SearchParameter } from '../definitions/registry.ts';
import { date } from './parameter/date.ts';
import { number } from './parameter/number.ts';
import type { ParameterType } from './parameter/parameter.ts';
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
  /** For datatypes made of parts: element and index key of each. */
  readonly parts: ReadonlyMap<string, readonly (readonly [element: string, key: string])[]>;
}

/** A search parameter of a resource type, and the index keys that its values are stored under. */
export interface IndexedParameter {
  readonly parameter: SearchParameter;
  readonly parameterType: ParameterType;
  readonly keys: readonly string[];
  readonly datatypes: readonly string[];
  readonly paths: readonly CompiledPath[];
  /** Resources of other types are stored under these keys too. */
  readonly isShared: boolean;
}

export interface TypeIndex {
  readonly units: readonly IndexUnit[];
  readonly parameters: ReadonlyMap<string, IndexedParameter>;
}

/** Answered from the columns of fhir.resource. */
const COLUMNS = new Set(['_id', '_lastUpdated']);

export const createIndexPlan = (registry: Registry, baseUrl: string): ((type: string) => TypeIndex) => {
  const parameterTypes: Readonly<Record<string, ParameterType>> = {
    string,
    token,
    date,
    number,
    quantity,
    reference: createReference(baseUrl),
    uri,
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
    const parameterType = parameterTypes[parameter.type];
    if (parameterType === undefined || parameter.expression === '' || COLUMNS.has(parameter.code)) continue;
    const paths = compilePath(parameter.expression, type, registry).filter(({ types }) =>
      types.some((each) => parameterType.datatypes.has(each)),
    );
    if (paths.length === 0) continue;
    const own = paths.map((path) => unitOf(path, parameterType));
    for (const unit of own) {
      units.set(unit.key, unit);
      for (const [, key] of [...unit.parts.values()].flat()) ofParts.add(key);
    }
    parameters.set(parameter.code, {
      parameter,
      parameterType,
      paths,
      keys: [...new Set(own.flatMap(keysOf))],
      datatypes: [...new Set(paths.flatMap(({ types }) => types.filter((each) => parameterType.datatypes.has(each))))],
      isShared: paths.some(({ key }) => !key.startsWith(`${type}.`)),
    });
  }
  // Patient.name is stored by its parts, so that Patient.name.family needs no rows of its own.
  return { units: [...units.values()].filter(({ key }) => !ofParts.has(key)), parameters };
};

const unitOf = ({ key: path, types, select }: CompiledPath, parameterType: ParameterType): IndexUnit => {
  const key = `${parameterType.table}:${path}`;
  const parts = new Map<string, readonly (readonly [string, string])[]>();
  for (const fhirType of types) {
    const elements = parameterType.parts?.(fhirType) ?? [];
    if (elements.length > 0)
      parts.set(
        fhirType,
        elements.map((element) => [element, `${key}.${element}`]),
      );
  }
  return { parameterType, select, key, parts };
};

const keysOf = ({ key, parts }: IndexUnit): string[] =>
  parts.size === 0 ? [key] : [...parts.values()].flatMap((elements) => elements.map(([, partKey]) => partKey));

/** Every index key of every resource type, in a fixed order. */
export const indexKeys = (registry: Registry, plan: (type: string) => TypeIndex): string[] =>
  [
    ...new Set(
      registry.resourceTypes.flatMap((type) =>
        plan(type).units.flatMap((unit) => [...(unit.parts.size === 0 ? [unit.key] : []), ...keysOf(unit)]),
      ),
    ),
  ].sort();
