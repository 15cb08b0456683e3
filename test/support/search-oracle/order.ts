/** What a resource sorts by. Source: http://hl7.org/fhir/R4/search.html#_sort; where it leaves open which of several values: the server's choice. */
import { valuesFor } from './evaluate.ts';
import { boundsOf, timesOf } from './interval.ts';
import { codingsOf, localOf, textsOf } from './match.ts';
import { type Parameter, parametersOf, type Value } from './parameters.ts';
import type { Resource } from './resources.ts';
import { plain } from './text.ts';

type Key = string | number;

/** A code sorts before its system, and without one before those with one. */
const keysOf = (value: Value, { type }: Parameter, isDescending: boolean): Key[] => {
  switch (type) {
    case 'string':
      return textsOf(value).map((text) => plain(text).slice(0, 80));
    case 'date':
      return timesOf(value).map(({ lo, hi }) => (isDescending ? hi : lo));
    case 'number':
    case 'quantity':
      // As written, whatever the unit.
      return boundsOf(value).map(({ lo, hi }) => (isDescending ? hi : lo));
    case 'token':
      return codingsOf(value).flatMap(({ system = '', code }) => (code === undefined ? [] : [`${code}\u0001${system}`]));
    case 'reference': {
      const reference = typeof value.value === 'string' ? value.value : (value.value as { reference?: string }).reference;
      return reference === undefined || reference.startsWith('#') ? [] : [localOf(reference)];
    }
    default:
      return [value.value as string];
  }
};

const compared = (a: Key, b: Key): number =>
  typeof a === 'number' ? a - (b as number) || 0 : Buffer.compare(Buffer.from(a), Buffer.from(b as string));

/** The smallest value, or the largest where the order is descending. */
const keyOf = (resource: Resource, code: string, isDescending: boolean): Key | undefined => {
  if (code === '_id') return resource.id;
  const parameter = parametersOf(resource.resourceType).get(code)!;
  const keys = valuesFor(resource, parameter).flatMap((each) => keysOf(each, parameter, isDescending));
  return keys.reduce<Key | undefined>((best, key) => {
    if (best === undefined) return key;
    return compared(key, best) < 0 === isDescending ? best : key;
  }, undefined);
};

/** Whether two resources may follow each other; what has no value comes last, in both directions. */
export const isInOrder = (one: Resource, next: Resource, sort: string): boolean => {
  for (const each of sort.split(',')) {
    const isDescending = each.startsWith('-');
    const code = each.replace('-', () => (isDescending ? '' : '-'));
    const [a, b] = [keyOf(one, code, isDescending), keyOf(next, code, isDescending)];
    if (a === undefined && b === undefined) continue;
    if (a === undefined) return false;
    if (b === undefined) return true;
    const order = a === b ? 0 : compared(a, b);
    if (order !== 0) return order < 0 !== isDescending;
  }
  return true;
};
