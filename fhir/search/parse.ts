/** Source: http://hl7.org/fhir/R4/search.html */
import type { ScopeLetter } from '../../proto/access/scope.ts';
import type { Registry } from '../definitions/registry.ts';
import { FhirError, type Issue } from '../http/outcome.ts';
import { decodeCursor } from './cursor.ts';
import type { TypeIndex } from './index-plan.ts';
import { parseIncludes } from './parse-include.ts';
import { splitUnescaped } from './parameter/escape.ts';
import type { Criterion, SearchRequest, SortKey } from './request.ts';

export interface ParseContext {
  readonly registry: Registry;
  readonly planOf: (type: string) => TypeIndex;
}

export interface ParseOptions {
  /** Leave out what isn't known, with a warning, instead of refusing it. */
  readonly lenient: boolean;
  /** Whether the caller may do this to resources of a type; searching through a reference is searching there too. */
  readonly allowed: (type: string, letter: ScopeLetter) => boolean;
}

const MAX_PARAMETERS = 100;
const MAX_ALTERNATIVES = 500;
const MAX_VALUE = 16_384;
const DEFAULT_COUNT = 50;
const MAX_COUNT = 1000;

/** Names that shape the answer, not what matches. */
const CONTROL = new Set([
  '_count',
  '_sort',
  '_include',
  '_revinclude',
  '_total',
  '_totalMethod', // fhirpy's count(): sent along with _count=0, which says it all
  '_summary',
  '_cursor',
  '_format',
  '_pretty',
  '_elements',
  '_contained',
  '_containedType',
]);
const base = (name: string): string => name.split(':', 1)[0]!;

const unknown = (name: string, diagnostics: string): FhirError =>
  new FhirError('not-supported', diagnostics, { expression: `http.${name}` });

/** Name and value of each parameter; throws 400 where the percent encoding is malformed. */
export const decodeQuery = (query: string): [name: string, value: string][] =>
  query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      const decode = (text: string): string => {
        try {
          return decodeURIComponent(text.replaceAll('+', ' '));
        } catch (cause) {
          throw new FhirError('invalid', 'the address has a malformed percent encoding: write a percent sign as %25', { cause });
        }
      };
      return equals === -1 ? [decode(part), ''] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });

export const parseSearch = (type: string, query: string, context: ParseContext, options: ParseOptions): SearchRequest => {
  const pairs = decodeQuery(query);
  if (pairs.length > MAX_PARAMETERS) throw new FhirError('too-costly', `a search takes ${MAX_PARAMETERS} parameters at most`);
  const used: [string, string][] = [];
  const warnings: Issue[] = [];
  const criteria: Criterion[] = [];
  for (const [name, value] of pairs) {
    if (CONTROL.has(base(name))) continue;
    if (value.length > MAX_VALUE)
      throw new FhirError('too-costly', `${name.slice(0, 60)} is longer than ${MAX_VALUE} characters`, {
        expression: `http.${name.slice(0, 60)}`,
      });
    try {
      criteria.push(parseCriterion(type, name, value, context, options));
      used.push([name, value]);
    } catch (error) {
      if (!options.lenient || !(error instanceof FhirError) || error.kind !== 'not-supported') throw error;
      warnings.push({ severity: 'warning', code: 'not-supported', diagnostics: `${error.message} (left out)`, expression: `http.${name}` });
    }
  }
  const valuesOf = (name: string): string[] => pairs.flatMap(([each, value]) => (each === name ? [value] : []));
  const last = (name: string): string | undefined => valuesOf(name).at(-1);
  for (const [name, value] of pairs)
    if (CONTROL.has(base(name)) && base(name) !== '_cursor' && name !== '_format' && name !== '_pretty') used.push([name, value]);
  const summary = last('_summary');
  const count = countOf(last('_count'));
  const sort = parseSort(type, valuesOf('_sort').join(','), context);
  const cursor = last('_cursor');
  for (const name of ['_contained', '_containedType']) {
    if (last(name) !== undefined && !options.lenient) throw unknown(name, `${name} is not supported by this server: leave it out`);
  }
  return {
    type,
    criteria,
    sort,
    count,
    cursor: cursor === undefined ? undefined : decodeCursor(cursor, sort.length),
    ...parseIncludes(type, pairs, context, options),
    total: totalOf(last('_total')),
    onlyCount: summary === 'count' || count === 0,
    used,
    warnings,
  };
};

const countOf = (value: string | undefined): number => {
  if (value === undefined) return DEFAULT_COUNT;
  if (!/^\d{1,9}$/.test(value))
    throw new FhirError('value', `_count=${value.slice(0, 40)} is no whole number`, { expression: 'http._count' });
  return Math.min(Number(value), MAX_COUNT);
};

const totalOf = (value: string | undefined): boolean => {
  if (value === undefined || value === 'none' || value === 'estimate') return value === 'estimate';
  if (value === 'accurate') return true;
  throw new FhirError('value', `_total=${value.slice(0, 40)} is none of none, estimate and accurate`, { expression: 'http._total' });
};

const SORTABLE = new Set(['string', 'date', 'number', 'quantity']);

const parseSort = (type: string, text: string, { planOf }: ParseContext): SortKey[] =>
  text
    .split(',')
    .filter(Boolean)
    .map((part) => {
      const descending = part.startsWith('-');
      const code = descending ? part.slice(1) : part;
      if (code === '_id' || code === '_lastUpdated') return { code, descending, indexed: undefined };
      const indexed = planOf(type).parameters.get(code);
      if (indexed === undefined) throw unknownParameter(type, code, '_sort', planOf);
      if (!SORTABLE.has(indexed.parameterType.table)) {
        throw unknown(
          '_sort',
          `_sort=${code}: a ${indexed.parameter.type} parameter has no order here: sort by a string, date, number or quantity, _id or _lastUpdated`,
        );
      }
      return { code, descending, indexed };
    });

const unknownParameter = (type: string, code: string, name: string, planOf: ParseContext['planOf']): FhirError => {
  const known = [...planOf(type).parameters.keys()].sort().join(', ');
  return unknown(name, `${type} has no search parameter ${code.slice(0, 60)}: it has ${known}`);
};

const ANY = new Set(['missing']);
const MODIFIERS: Readonly<Record<string, ReadonlySet<string>>> = {
  string: new Set([...ANY, 'exact', 'contains']),
  token: new Set([...ANY, 'not']),
  ref: ANY,
  uri: new Set([...ANY, 'below']),
  date: ANY,
  number: ANY,
  quantity: ANY,
};

const alternatives = (name: string, value: string): string[] => {
  const values = splitUnescaped(value, ',');
  if (values.length > MAX_ALTERNATIVES)
    throw new FhirError('too-costly', `${name} has more than ${MAX_ALTERNATIVES} alternatives`, { expression: `http.${name}` });
  if (values.some((each) => each === ''))
    throw new FhirError('value', `${name} has an empty value: give one, or leave ${name} out`, { expression: `http.${name}` });
  return values;
};

export const parseCriterion = (
  type: string,
  name: string,
  value: string,
  context: ParseContext,
  options: ParseOptions,
  depth = 0,
): Criterion => {
  const dot = name.indexOf('.');
  const [code = '', modifier] = (dot === -1 ? name : name.slice(0, dot)).split(':', 2);
  if (code === '_id' || code === '_lastUpdated') {
    if (modifier !== undefined || dot !== -1) throw unknown(name, `${code} takes no modifier`);
    return { name, test: { kind: code === '_id' ? 'id' : 'updated', values: alternatives(name, value) } };
  }
  const indexed = context.planOf(type).parameters.get(code);
  if (indexed === undefined) {
    const isDefined = context.registry.searchParameter(type, code) !== undefined;
    throw isDefined
      ? unknown(name, `${type}.${code} is a search parameter that this server doesn't index`)
      : unknownParameter(type, code, name, context.planOf);
  }
  if (dot !== -1) {
    if (indexed.parameterType.table !== 'ref') throw unknown(name, `${code} is no reference, so that nothing can be searched through it`);
    if (depth > 0) throw unknown(name, `${name}: this server follows one reference at a time`);
    return parseChain({ name, rest: name.slice(dot + 1), modifier, value, indexed }, context, options);
  }
  const isType = modifier !== undefined && indexed.parameterType.table === 'ref' && context.registry.isResourceType(modifier);
  if (modifier !== undefined && !isType && !MODIFIERS[indexed.parameterType.table]!.has(modifier)) {
    throw unknown(
      name,
      `${name}: the modifier :${modifier.slice(0, 40)} isn't one of ${[...MODIFIERS[indexed.parameterType.table]!].map((each) => `:${each}`).join(', ')}`,
    );
  }
  if (modifier === 'missing' && value !== 'true' && value !== 'false') {
    throw new FhirError('value', `${name}=${value.slice(0, 20)}: say true or false`, { expression: `http.${name}` });
  }
  return { name, test: { kind: 'parameter', indexed, modifier, values: alternatives(name, value) } };
};

interface Chain {
  readonly name: string;
  readonly rest: string;
  readonly modifier: string | undefined;
  readonly value: string;
  readonly indexed: NonNullable<ReturnType<TypeIndex['parameters']['get']>>;
}

const parseChain = ({ name, rest, modifier, value, indexed }: Chain, context: ParseContext, options: ParseOptions): Criterion => {
  const { targets } = indexed.parameter;
  if (modifier !== undefined && !context.registry.isResourceType(modifier))
    throw unknown(name, `${name}: ${modifier.slice(0, 40)} is no resource type`);
  const possible = modifier === undefined ? (targets.length > 0 ? targets : context.registry.resourceTypes) : [modifier];
  const found = possible.flatMap((type) => {
    try {
      return { type, criterion: parseCriterion(type, rest, value, context, options, 1) };
    } catch (error) {
      // A parameter that one of the possible types hasn't is no error while another has it.
      if (modifier === undefined && error instanceof FhirError && error.kind === 'not-supported') return [];
      throw error;
    }
  });
  if (found.length === 0)
    throw unknown(name, `${name}: nothing that ${indexed.parameter.code} points to has a parameter ${base(rest).slice(0, 60)}`);
  const reachable = found.filter(({ type }) => options.allowed(type, 's'));
  if (reachable.length === 0)
    throw new FhirError('forbidden', `${name} searches ${found[0]!.type} resources: this needs the scope system/${found[0]!.type}.s`);
  return { name, test: { kind: 'chain', indexed, targets: reachable } };
};
