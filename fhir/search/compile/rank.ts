import type { Criterion } from '../request.ts';

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
const NO_DRIVER = new Set(['missing', 'not', 'contains', 'ends']);

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
      if (modifier === 'text' && indexed.parameterType.table === 'string') return Infinity;
      return indexed.datatypes.includes('Identifier') ? 1 : (SELECTIVITY[indexed.parameterType.table] ?? 10);
    }
  }
};
