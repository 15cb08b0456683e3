import type { Criterion, Test } from '../request.ts';

/** Lower is read first. */
const SELECTIVITY: Readonly<Record<string, number>> = {
  composite: 1.8,
  ref: 2,
  position: 2.5,
  uri: 3,
  string: 4,
  content: 4.8,
  token: 5,
  quantity: 6,
  number: 7,
  date: 8,
};
/** These find resources by what they haven't, or look at every row. */
const NO_DRIVER = new Set(['missing', 'not', 'ne', 'contains', 'ends']);

/** All that comes before or after something, as a date may. */
const RANGES = new Set(['gt', 'lt', 'ge', 'le']);

/** How little a criterion is likely to match; Infinity where no index finds what it matches. */
export const rankOf = ({ test }: Criterion): number => {
  switch (test.kind) {
    case 'id':
    case 'list':
      return 0;
    case 'compartment':
    case 'hierarchy':
      return 2.2;
    case 'chain':
      return 4.5;
    case 'has':
      return 4.6;
    case 'codes':
      return test.modifier === 'not-in' ? Infinity : 5.5;
    case 'updated':
      return 9;
    case 'not':
      return Infinity;
    case 'and':
      return Math.min(...test.criteria.map(rankOf));
    case 'or':
      return Math.max(...test.criteria.map(rankOf));
    case 'parameter': {
      const { modifier, indexed } = test;
      if (test.isUnequal || (modifier !== undefined && NO_DRIVER.has(modifier))) return Infinity;
      if (modifier !== undefined && RANGES.has(modifier)) return SELECTIVITY['date']!;
      if (modifier === 'text' && indexed.parameterType.table === 'string') return Infinity;
      return indexed.datatypes.includes('Identifier') ? 1 : (SELECTIVITY[indexed.parameterType.table] ?? 10);
    }
  }
};

/** A country or a state may be everybody's. */
const NAMES = new Set(['family', 'given', 'name']);
/** With fewer, a name is half the population's. */
const FEW_CHARACTERS = 3;

/**
 * Whether a criterion finds few resources however many there are, though PostgreSQL can't tell: a list of ids, or the beginning of a name. Of
 * what is looked up by its hash it can, and keeps its plan.
 */
export const findsFew = (criterion: Criterion): boolean => {
  const { test } = criterion;
  if (test.kind === 'id') return true;
  if (test.kind !== 'parameter' || rankOf(criterion) === Infinity || test.indexed.parameterType.table !== 'string') return false;
  if (test.modifier !== undefined && RANGES.has(test.modifier)) return false;
  return NAMES.has(test.indexed.parameter.code) && test.values.every((value) => value.length >= FEW_CHARACTERS);
};

const PLAIN: ReadonlySet<Test['kind']> = new Set<Test['kind']>(['parameter', 'id', 'updated', 'compartment']);

/** Whether each criterion is one condition on the rows of one table. */
export const isPlain = ({ test: { kind } }: Criterion): boolean => PLAIN.has(kind);
