/** Types of contained resources, which the search treats as types beside the others. Why so: README.md. */
import type { IndexedParameter, IndexUnit, TypeIndex } from './index-plan.ts';

const MARK = '#';

/** The name that contained resources of a type are indexed and searched under. */
export const containedType = (type: string): string => `${MARK}${type}`;

export const isContainedType = (type: string): boolean => type.startsWith(MARK);

/** The resource type, without what says that it is contained. */
export const plainType = (type: string): string => (isContainedType(type) ? type.slice(MARK.length) : type);

/** How messages speak of a type. */
export const spokenType = (type: string): string => (isContainedType(type) ? `a contained ${plainType(type)}` : type);

const keyOf = (key: string): string => `${MARK}${key}`;
const mapped = <K, V>(map: ReadonlyMap<K, V>, to: (value: V) => V): Map<K, V> => new Map([...map].map(([key, value]) => [key, to(value)]));

const unitOf = (unit: IndexUnit): IndexUnit => ({
  ...unit,
  key: keyOf(unit.key),
  lanes: mapped(unit.lanes, keyOf),
  parts: mapped(unit.parts, (elements) => elements.map(([element, key]) => [element, keyOf(key)] as const)),
});

const parameterOf = (indexed: IndexedParameter): IndexedParameter => ({
  ...indexed,
  keys: indexed.keys.map(keyOf),
  laneKeys: mapped(indexed.laneKeys, (keys) => keys.map(keyOf)),
});

/** The plan of a type for contained ones: the same, under index keys that no other resource has rows under. */
export const containedPlan = ({ units, parameters, pending }: TypeIndex): TypeIndex => ({
  units: units.map(unitOf),
  parameters: mapped(parameters, parameterOf),
  pending,
});
