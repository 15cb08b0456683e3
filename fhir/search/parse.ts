/** Source: http://hl7.org/fhir/R4/search.html */
import { FhirError, type Issue } from '../http/outcome.ts';
import { controlsOf, isControl, leftOut } from './controls.ts';
import { decodeCursor } from './cursor.ts';
import { requireNoFunction } from './functional-list.ts';
import { parseContained } from './parse-contained.ts';
import { parseCriterion } from './parse-criterion.ts';
import { parseIncludes } from './parse-include.ts';
import { parseSort } from './parse-sort.ts';
import { badValue, type ParseContext, type ParseOptions, type Parsing, startParsing, WrongModifier } from './parsing.ts';
import type { Criterion, SearchRequest } from './request.ts';
import { compartmentOf, pathOf, typesOf, type Where } from './where.ts';

export type { ParseContext, ParseOptions } from './parsing.ts';

const MAX_PARAMETERS = 100;
const MAX_VALUE = 16_384;
const DEFAULT_COUNT = 50;
const MAX_COUNT = 1000;

/** Name and value of each parameter; throws 400 where the percent encoding is malformed, or hides a NUL. */
export const decodeQuery = (query: string): [name: string, value: string][] =>
  query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      return equals === -1 ? [decode(part), ''] : [decode(part.slice(0, equals)), decode(part.slice(equals + 1))];
    });

const decode = (text: string): string => {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new FhirError('invalid', 'the address has a malformed percent encoding: write a percent sign as %25', { cause });
  }
  if (decoded.includes('\0') || !decoded.isWellFormed())
    throw new FhirError('invalid', 'the address holds a NUL (%00) or half a character, which no value of FHIR can hold');
  return decoded;
};

const boundedQuery = (query: string): [name: string, value: string][] => {
  const pairs = decodeQuery(query);
  if (pairs.length > MAX_PARAMETERS) throw new FhirError('too-costly', `a search takes ${MAX_PARAMETERS} parameters at most`);
  return pairs;
};

/** Throws FhirError on what isn't known, malformed, or not allowed to the caller. */
export const parseSearch = (where: Where, query: string, context: ParseContext, options: ParseOptions): SearchRequest => {
  const pairs = boundedQuery(query);
  const p = startParsing(context, options);
  const types = typesOf(
    where,
    pairs.flatMap(([name, value]) => (name === '_type' ? [value] : [])),
    p,
  );
  const { used, warnings, criteria } = parseCriteria(types, pairs, p);
  const { controls, warnings: more } = controlsOf(types, pairs, p);
  const valuesOf = (name: string): string[] => controls.flatMap(([each, value]) => (each === name ? [value] : []));
  const last = (name: string): string | undefined => valuesOf(name).at(-1);
  const contained = parseContained({ where, types, criteria: [...used], controls }, p);
  for (const [name, value] of controls) if (name !== '_cursor') used.push([name, value]);
  const summary = last('_summary');
  const count = countOf(last('_count'));
  const sort = parseSort(types, valuesOf('_sort').join(','), p);
  const cursor = last('_cursor');
  return {
    path: pathOf(where),
    branches: types.map((type, i) => ({ type, criteria: [...compartmentOf(where, type, p), ...criteria[i]!] })),
    contained,
    sort,
    count,
    cursor: cursor === undefined ? undefined : decodeCursor(cursor, sort, contained !== undefined),
    ...parseIncludes(types, controls, context, options),
    total: totalOf(last('_total')),
    onlyCount: summary === 'count' || count === 0,
    used,
    warnings: [...warnings, ...more],
  };
};

interface Criteria {
  readonly used: [string, string][];
  readonly warnings: Issue[];
  /** Of each type. */
  readonly criteria: Criterion[][];
}

const parseCriteria = (types: readonly string[], pairs: readonly (readonly [string, string])[], p: Parsing): Criteria => {
  const used: [string, string][] = [];
  const warnings: Issue[] = [];
  const criteria: Criterion[][] = types.map(() => []);
  for (const [name, value] of pairs) {
    if (isControl(name)) continue;
    if (value.length > MAX_VALUE || name.length > MAX_VALUE)
      throw new FhirError('too-costly', `${name.slice(0, 60)} is longer than ${MAX_VALUE} characters`, {
        expression: `http.${name.slice(0, 60)}`,
      });
    // What a form sends of a field that nobody filled in: no error (http://hl7.org/fhir/R4/search.html#errors), but worth a word.
    if (value === '') {
      warnings.push(leftOut(badValue(name, `${name.slice(0, 80)} has no value`), name));
      continue;
    }
    try {
      const parsed = types.map((type) => parseCriterion(type, name, value, p));
      for (const [i, criterion] of parsed.entries()) criteria[i]!.push(criterion);
      used.push([name, value]);
    } catch (error) {
      if (!p.lenient || !(error instanceof FhirError) || error.kind !== 'not-supported' || error instanceof WrongModifier) throw error;
      warnings.push(leftOut(error, name));
    }
  }
  return { used, warnings, criteria };
};

const countOf = (value: string | undefined): number => {
  if (value === undefined) return DEFAULT_COUNT;
  if (!/^\d+$/.test(value)) throw badValue('_count', `_count=${value.slice(0, 40)} is no whole number`);
  return Math.min(Number(value), MAX_COUNT);
};

const totalOf = (value: string | undefined): boolean => {
  if (value === undefined || value === 'none' || value === 'estimate') return value === 'estimate';
  if (value === 'accurate') return true;
  throw badValue('_total', `_total=${value.slice(0, 40)} is none of none, estimate and accurate`);
};

/** The criteria of a conditional interaction. */
export const parseConditional = (type: string, criteria: string, context: ParseContext, options: ParseOptions): Criterion[] => {
  const p = startParsing(context, options);
  return boundedQuery(criteria).map(([name, value]) => {
    const criterion = parseCriterion(type, name, value, p);
    requireNoFunction(criterion);
    return criterion;
  });
};
