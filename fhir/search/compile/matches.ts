import { isContainedType } from '../contained.ts';
import { ANY_TYPE, type IndexedParameter, type TypeIndex } from '../index-plan.ts';
import { about, dateInterval } from '../parameter/date.ts';
import { compareInstant, parsePrefix } from '../parameter/prefix.ts';
import { FhirError } from '../../http/outcome.ts';
import { CONTAINED_FROM } from '../../store/rid.ts';
import { textArray } from '../../store/pool.ts';
import type { Branch, Criterion } from '../request.ts';
import type { Builder, Parts } from './builder.ts';
import { codesTable, codesTest, parameterTest, tableOf } from './parameter-test.ts';
import { patientCodeOf, patientCodeRows } from './patient-code.ts';
import { findsFew, isPlain, rankOf } from './rank.ts';
import { chainRows, compartmentTest, hasProbe, hasRows, hierarchyTest, listRows, probeInside } from './reference-test.ts';

/**
 * The criterion that is likely to match least is read from its index; the others are looked up for each resource found, so that a
 * statement's cost goes with what the best criterion finds and the planner has nothing to choose.
 */
export const partsOf = (builder: () => Builder): Parts => ({
  matches: (branch, after) => matches(builder(), branch, after),
  rows: (type, criterion) => rows(builder(), type, criterion),
  probe: (type, criterion) => probe(builder(), type, criterion),
});

/** Whether a search of these criteria begins with one that finds few resources, which PostgreSQL must be told (builder.ts, isFixed). */
export const beginsWithFew = (criteria: readonly Criterion[], plan: TypeIndex): boolean => {
  if (!criteria.every(isPlain) || patientCodeOf(criteria, plan) !== undefined) return false;
  const ranks = criteria.map(rankOf);
  const first = criteria[ranks.indexOf(Math.min(...ranks))];
  return first !== undefined && findsFew(first);
};

/** The distinct keys that match any of the branches, as a query whose column is c.rid; types of branches differ, so that none comes twice. */
export const anyOf = (b: Builder, branches: readonly Branch[], last?: number): string => {
  if (branches.length === 1) return b.matches(branches[0]!, last);
  return `select c.rid from (${branches.map((branch) => `(${b.matches(branch, last)})`).join(' union all ')}) c`;
};

const matches = (b: Builder, { type, criteria }: Branch, after?: number): string => {
  const [driver, ...others] = ordered(b, type, criteria);
  const conditions = others.map((criterion) => b.probe(type, criterion));
  if (after !== undefined) conditions.push(`c.rid > ${b.value(after)}::bigint`);
  if (driver === undefined) {
    if (isContainedType(type))
      return `select c.rid from fhir.sp_contained c where ${['true' + b.within(type, 'c'), ...conditions].join(' and ')}`;
    const all = [`not c.deleted${b.within(type, 'c')}`, ...conditions];
    return `select c.rid from fhir.resource c where ${all.join(' and ')}`;
  }
  return `select distinct c.rid from (${driver}) c${conditions.length > 0 ? ` where ${conditions.join(' and ')}` : ''}`;
};

/** SQL of the criterion to begin with, if one can be, and the others. */
const ordered = (
  b: Builder,
  type: string,
  criteria: readonly Criterion[],
): [driver: string | undefined, ...others: readonly Criterion[]] => {
  const pair = patientCodeOf(criteria, b.planOf(type));
  if (pair !== undefined) {
    const others = criteria.filter((each) => each !== pair.patient && each !== pair.code);
    return [patientCodeRows(b, type, pair), ...others];
  }
  const ranked = criteria.map((criterion) => ({ criterion, rank: rankOf(criterion) })).sort((one, other) => one.rank - other.rank);
  const [first, ...others] = ranked;
  if (first === undefined || first.rank === Infinity) return [undefined, ...criteria];
  return [b.rows(type, first.criterion), ...others.map(({ criterion }) => criterion)];
};

const rows = (b: Builder, type: string, { name, test }: Criterion): string => {
  switch (test.kind) {
    case 'id':
      if (isContainedType(type)) return `select t.rid from fhir.sp_contained t where ${ids(b, 't', test.values)}${b.within(type, 't')}`;
      return `select r.rid from fhir.resource r where ${type === ANY_TYPE ? '' : `r.type = ${b.typeId(type)} and `}${ids(b, 'r', test.values)} and not r.deleted`;
    case 'updated':
      return `select r.rid from fhir.resource r where ${updated(b, name, test.values)} and not r.deleted${b.within(type, 'r')}`;
    case 'list':
      return listRows(b, type, test);
    case 'chain':
      return chainRows(b, type, test);
    case 'has':
      return hasRows(b, type, test);
    case 'hierarchy':
      return `select t.rid from fhir.sp_ref t where ${hierarchyTest(b, test)}${b.within(type, 't')}`;
    case 'compartment':
      return `select t.rid from fhir.sp_ref t where ${compartmentTest(b, test)}${b.within(type, 't')}`;
    case 'codes':
      return `select t.rid from fhir.${codesTable()} t where ${codesTest(b, test)}${b.within(type, 't')}`;
    case 'and':
      return b.matches({ type, criteria: test.criteria });
    case 'or':
      return test.criteria.map((each) => `(${b.matches({ type, criteria: [each] })})`).join(' union all ');
    case 'not':
      return b.matches({ type, criteria: [{ name, test }] });
    case 'parameter': {
      const shared = test.indexed.isShared ? b.within(type, 't') : '';
      // Else those of contained resources are in between.
      const alone = type === ANY_TYPE && test.indexed.keys.length === 0 ? ` and t.rid < ${CONTAINED_FROM}` : '';
      return `select t.rid from fhir.${tableOf(test)} t where ${parameterTest(b, name, test)}${shared}${alone}`;
    }
  }
};

const probe = (b: Builder, type: string, criterion: Criterion): string => {
  const { name, test } = criterion;
  // With `offset` it stays what is looked up for each resource, and is not joined.
  const found = (table: string, condition: string): string =>
    `exists (select from fhir.${table} t where t.rid = c.rid and ${condition}${b.isFixed ? ' offset 0' : ''})`;
  switch (test.kind) {
    case 'id':
      return `exists (select from fhir.${isContainedType(type) ? 'sp_contained' : 'resource'} r where r.rid = c.rid and ${ids(b, 'r', test.values)})`;
    case 'updated':
      return `exists (select from fhir.resource r where r.rid = c.rid and ${updated(b, name, test.values)})`;
    case 'list':
    case 'chain':
      return `c.rid in (${b.rows(type, criterion)})`;
    case 'has':
      return hasProbe(b, test);
    case 'hierarchy':
      return found('sp_ref', hierarchyTest(b, test));
    case 'compartment':
      return found('sp_ref', compartmentTest(b, test));
    case 'codes':
      return `${test.modifier === 'not-in' ? 'not ' : ''}${found(codesTable(), codesTest(b, test))}`;
    case 'and':
    case 'or':
      return `(${test.criteria.map((each) => b.probe(type, each)).join(` ${test.kind} `)})`;
    case 'not':
      return `not ${b.probe(type, test.criterion)}`;
    case 'parameter': {
      if (test.modifier === 'missing') return `${test.values[0] === 'true' ? 'not ' : ''}${present(b, type, test.indexed)}`;
      return `${test.modifier === 'not' ? 'not ' : ''}${found(tableOf(test), parameterTest(b, name, test))}`;
    }
  }
};

/**
 * Whether the resource has any value of the parameter, such as a reference that is an identifier only or leads to what is contained, or a
 * concept that is a text.
 */
const present = (b: Builder, type: string, indexed: IndexedParameter): string => {
  const { table } = indexed.parameterType;
  const own = `exists (select from fhir.sp_${table} t where t.rid = c.rid and ${b.keys(indexed.keys, 't')})`;
  const others = (['identifier', 'text'] as const).flatMap((lane) => {
    const keys = indexed.laneKeys.get(lane);
    return keys === undefined
      ? []
      : [`exists (select from fhir.sp_${lane === 'text' ? 'text' : 'token'} t where t.rid = c.rid and ${b.keys(keys, 't')})`];
  });
  // Last, since no row says this one: the resource is read.
  const inside = table === 'ref' && !isContainedType(type) ? probeInside(b, indexed) : undefined;
  const all = [own, ...others, ...(inside === undefined ? [] : [inside])];
  return all.length === 1 ? own : `(${all.join(' or ')})`;
};

const ids = (b: Builder, alias: string, values: readonly string[]): string => `${alias}.id = any(${b.value(textArray(values))}::text[])`;

const updated = (b: Builder, name: string, values: readonly string[]): string => {
  const conditions = values.map((text) => {
    const { prefix, rest } = parsePrefix(text);
    const interval = dateInterval(rest.replace(' ', '+'));
    if (interval === undefined)
      throw new FhirError('value', `${name}=${text.slice(0, 40)} is no date, such as ge2024-01-31T10:00:00Z`, {
        expression: `http.${name}`,
      });
    const time = (ms: number): string => `to_timestamp(${b.value(ms)}::double precision / 1000)`;
    return compareInstant(prefix, about(prefix, interval), 'r.updated', time);
  });
  return `(${conditions.join(' or ')})`;
};
