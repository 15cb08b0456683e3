/** `_filter`. Source: http://hl7.org/fhir/R4/search_filter.html */
import { isMeant } from './codes.ts';
import { matches, matchesValue, valuesFor, type World } from './evaluate.ts';
import { codingsOf, textsOf } from './match.ts';
import { type Parameter, parametersOf, type Value } from './parameters.ts';
import type { Resource } from './resources.ts';
import { escaped, plain } from './text.ts';

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly one: Filter; readonly other: Filter }
  | { readonly kind: 'not'; readonly of: Filter }
  | { readonly kind: 'test'; readonly code: string; readonly operator: string; readonly value: string };

/** With parentheses everywhere, for the order of "and" and "or" is no matter of this. */
export const filterText = (filter: Filter): string => {
  switch (filter.kind) {
    case 'not':
      return `not (${filterText(filter.of)})`;
    case 'test':
      return `${filter.code} ${filter.operator} ${JSON.stringify(filter.value)}`;
    default:
      return `(${filterText(filter.one)}) ${filter.kind} (${filterText(filter.other)})`;
  }
};

const ofText = (text: string, operator: string, asked: string): boolean => {
  const [own, wanted] = [plain(text), plain(asked)];
  switch (operator) {
    case 'eq':
      return own === wanted;
    case 'ne':
      return own !== wanted;
    case 'co':
      return own.includes(wanted);
    case 'sw':
      return own.startsWith(wanted);
    default:
      return own.endsWith(wanted);
  }
};

const SETS: Readonly<Record<string, string>> = { ss: 'below', sb: 'above', in: 'in' };

/** "an item in the set": of a concept each coding is one. */
const ofToken = (value: Value, operator: string, asked: string): boolean => {
  if (operator in SETS) return codingsOf(value).some((each) => isMeant(each, SETS[operator]!, asked));
  const text = escaped(asked).replaceAll('\\|', '|');
  const items = value.type === 'CodeableConcept' ? codingsOf(value).map((coding): Value => ({ type: 'Coding', value: coding })) : [value];
  const known = items.filter((each) => codingsOf(each).some(({ code, system }) => code !== undefined || system !== undefined));
  return known.some((each) => matchesValue(each, TOKEN, undefined, text) !== (operator === 'ne'));
};
const TOKEN: Parameter = { code: '', type: 'token', expressions: [], targets: [], components: [] };

const ofUri = (value: Value, operator: string, asked: string, parameter: Parameter): boolean => {
  const own = value.value as string;
  const all = value.type === 'canonical' ? [own, own.split('|')[0]!] : [own];
  switch (operator) {
    case 'sw':
      return all.some((each) => each.startsWith(asked));
    case 'ew':
      return all.some((each) => each.endsWith(asked));
    case 'ne':
      return all.some((each) => each !== asked);
    default:
      return matchesValue(value, parameter, { co: 'contains', ss: 'below', sb: 'above' }[operator], escaped(asked));
  }
};

const matchesTest = (world: World, resource: Resource, { code, operator, value }: Filter & { kind: 'test' }): boolean => {
  if (operator === 'pr') return matches(world, resource, { name: `${code}:missing`, value: String(value !== 'true') });
  if (operator === 'ni') return !matchesTest(world, resource, { kind: 'test', code, operator: 'in', value });
  const parameter = parametersOf(resource.resourceType).get(code)!;
  return valuesFor(resource, parameter).some((each) => {
    switch (parameter.type) {
      case 'string':
        return textsOf(each).some((text) => ofText(text, operator, value));
      case 'token':
        return ofToken(each, operator, value);
      case 'uri':
        return ofUri(each, operator, value, parameter);
      case 'reference':
        return matchesValue(each, parameter, undefined, escaped(value));
      default:
        return matchesValue(each, parameter, undefined, `${operator}${value}`);
    }
  });
};

export const matchesFilter = (world: World, resource: Resource, filter: Filter): boolean => {
  switch (filter.kind) {
    case 'and':
      return matchesFilter(world, resource, filter.one) && matchesFilter(world, resource, filter.other);
    case 'or':
      return matchesFilter(world, resource, filter.one) || matchesFilter(world, resource, filter.other);
    case 'not':
      return !matchesFilter(world, resource, filter.of);
    case 'test':
      return matchesTest(world, resource, filter);
  }
};
