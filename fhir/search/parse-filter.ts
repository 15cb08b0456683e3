/** `_filter`: what it asks for, in terms of the other criteria. Source: http://hl7.org/fhir/R4/search_filter.html */
import type { SearchTable } from '../store/search-table.ts';
import { type FilterNode, type FilterStep, type Operator, parseFilterText } from './filter-grammar.ts';
import type { IndexedParameter } from './index-plan.ts';
import { chainTo } from './parse-chain.ts';
import { parameterTest, parseCriterion } from './parse-criterion.ts';
import { badValue, type Parsing, requireParameter, unknown } from './parsing.ts';
import type { Criterion, Test } from './request.ts';
import { UCUM } from './ucum.ts';

const NAME = '_filter';

export const parseFilter = (type: string, text: string, p: Parsing): Test => criterionOf(type, parseFilterText(text), p).test;

const criterionOf = (type: string, node: FilterNode, p: Parsing): Criterion => {
  switch (node.kind) {
    case 'and':
    case 'or':
      return { name: NAME, test: { kind: node.kind, criteria: node.nodes.map((each) => criterionOf(type, each, p)) } };
    case 'not':
      return { name: NAME, test: { kind: 'not', criterion: criterionOf(type, node.node, p) } };
    case 'test':
      return pathCriterion(type, node.path, node, p);
  }
};

interface Comparison {
  readonly operator: Operator;
  readonly value: string;
}

const pathCriterion = (type: string, [step, ...rest]: readonly FilterStep[], comparison: Comparison, p: Parsing): Criterion => {
  const [code = '', modifier] = step!.name.split(':', 2);
  if (rest.length === 0) {
    if (modifier !== undefined) throw unknown(NAME, `_filter: ${step!.name.slice(0, 60)}: operators take the place of modifiers`);
    return { name: NAME, test: comparisonTest(type, code, comparison, p) };
  }
  return chainTo({ type, code, modifier, name: NAME }, p, (target, within) => {
    const found = pathCriterion(target, rest, comparison, within);
    if (step!.filter === undefined) return found;
    return { name: NAME, test: { kind: 'and', criteria: [criterionOf(target, step!.filter, within), found] } };
  });
};

const PREFIXES = new Set<Operator>(['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb']);
const ORDERED = new Set<SearchTable>(['number', 'date', 'quantity']);
/** Each value has one row, which is that of another value. */
const UNEQUAL = new Set<SearchTable>(['token', 'uri', 'ref']);

/** Table → operator → modifier, internal ones among them (see the parameter's own file); undefined: none. */
const MODIFIERS: Readonly<Partial<Record<SearchTable, Readonly<Partial<Record<Operator, string | undefined>>>>>> = {
  string: { eq: 'eq', ne: 'ne', co: 'contains', sw: undefined, ew: 'ends', gt: 'gt', lt: 'lt', ge: 'ge', le: 'le' },
  token: { eq: undefined, ss: 'below', sb: 'above', in: 'in', ni: 'not-in' },
  uri: {
    eq: undefined,
    co: 'contains',
    sw: 'starts',
    ew: 'ends',
    gt: 'gt',
    lt: 'lt',
    ge: 'ge',
    le: 'le',
    re: undefined,
    ss: 'below',
    sb: 'above',
  },
  ref: { eq: undefined, re: undefined },
  date: { co: 'includes', po: 'overlaps' },
  composite: { eq: undefined },
  content: { eq: undefined, co: undefined },
  position: { eq: undefined },
};

/** Short names that the specification gives to code systems, for use in filters. */
const SYSTEMS: Readonly<Record<string, string>> = {
  loinc: 'http://loinc.org',
  snomed: 'http://snomed.info/sct',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ucum: UCUM,
};

/** `loinc|8480-6` and `5.4|ucum|mg` with the address of the system. */
const withSystem = (value: string, table: SearchTable): string => {
  const place = table === 'token' ? 0 : table === 'quantity' ? 1 : undefined;
  if (place === undefined || !value.includes('|')) return value;
  return value
    .split('|')
    .map((each, i) => (i === place && Object.hasOwn(SYSTEMS, each) ? SYSTEMS[each]! : each))
    .join('|');
};

const comparisonTest = (type: string, code: string, { operator, value: written }: Comparison, p: Parsing): Test => {
  if (code === '_id' || code === '_lastUpdated') return columnTest(type, code, { operator, value: written }, p);
  const indexed = requireParameter(type, code, NAME, p);
  const { table } = indexed.parameterType;
  const value = withSystem(written, table);
  const name = `${NAME}.${code}`;
  if (operator === 'pr') {
    if (value !== 'true' && value !== 'false') throw badValue(NAME, `_filter: ${code} pr takes true or false`);
    return parameterTest(indexed, { name, modifier: 'missing', value: value === 'true' ? 'false' : 'true' }, p);
  }
  if (ORDERED.has(table) && PREFIXES.has(operator)) return own(indexed, undefined, `${operator}${value}`);
  if (operator === 'ne' && UNEQUAL.has(table)) return { ...own(indexed, undefined, value), isUnequal: true };
  const modifiers = MODIFIERS[table] ?? {};
  if (!(operator in modifiers))
    throw unknown(NAME, `_filter: ${code} ${operator}: a ${indexed.parameter.type} parameter is not compared in this way`);
  const modifier = modifiers[operator];
  if (table === 'token' && modifier !== undefined) return { kind: 'codes', indexed, modifier: modifier as 'in', values: [escaped(value)] };
  return own(indexed, modifier, value);
};

// A comma is no separator here; a bar is in what has parts, and is none in a text.
const escaped = (value: string, isText = false): string => value.replaceAll(isText ? /[\\,|$]/g : /[\\,]/g, String.raw`\$&`);

const own = (indexed: IndexedParameter, modifier: string | undefined, value: string): Test & { kind: 'parameter' } => {
  const { table } = indexed.parameterType;
  return { kind: 'parameter', indexed, modifier, values: [escaped(value, table === 'string' || table === 'content')] };
};

const columnTest = (type: string, code: '_id' | '_lastUpdated', { operator, value }: Comparison, p: Parsing): Test => {
  const isId = code === '_id';
  const criterion = parseCriterion(type, code, isId ? value : `${operator === 'ne' || operator === 'eq' ? 'eq' : operator}${value}`, p);
  if (operator === 'ne') return { kind: 'not', criterion };
  if (operator === 'eq' || (!isId && PREFIXES.has(operator))) return criterion.test;
  throw unknown(NAME, `_filter: ${code} ${operator} is no comparison of it`);
};
