/** A search as a value, and as an address. */
import type { Criterion } from './evaluate.ts';
import { type Filter, filterText } from './filter.ts';
import type { Include } from './include.ts';

export interface Query {
  /** One, or several of which each has the parameters. */
  readonly types: readonly string[];
  /** In the compartment of the patient with this id. */
  readonly patient?: string;
  readonly criteria: readonly Criterion[];
  readonly filter?: Filter;
  readonly contained?: Contained;
  /** As _sort is written, with the size of its pages. */
  readonly sort?: string;
  readonly count?: number;
  readonly includes: readonly Include[];
  readonly isCounted: boolean;
  /** Sent by POST. */
  readonly isPosted: boolean;
}

/** Source: http://hl7.org/fhir/R4/search.html#contained */
export interface Contained {
  readonly found: 'true' | 'both';
  readonly shown: 'container' | 'contained';
}

type Pair = readonly [name: string, value: string];

const pairsOf = ({ types, criteria, filter, contained, sort, count = 1000, includes, isCounted }: Query): Pair[] => [
  ...(types.length > 1 ? [['_type', types.join(',')] as const] : []),
  ...criteria.map(({ name, value }): Pair => [name, value]),
  ...(filter === undefined ? [] : [['_filter', filterText(filter)] as const]),
  ...(contained === undefined
    ? []
    : ([
        ['_contained', contained.found],
        ['_containedType', contained.shown],
      ] as const)),
  ...includes.map(({ isReverse, iterates, source, code, target }): Pair => [
    `${isReverse ? '_revinclude' : '_include'}${iterates ? ':iterate' : ''}`,
    [source, code, ...(target === undefined ? [] : [target])].join(':'),
  ]),
  ...(sort === undefined ? [] : [['_sort', sort] as const]),
  ...(isCounted ? [['_total', 'accurate'] as const] : []),
  ['_count', String(count)],
];

const pathOf = ({ types, patient }: Query): string => {
  if (patient !== undefined) return `/Patient/${patient}/${types.length === 1 ? types[0] : '*'}`;
  return `/${types.length === 1 ? types[0] : ''}`;
};
const written = (query: Query, escape: (text: string) => string): string =>
  `${pathOf(query)}?${pairsOf(query)
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join('&')}`;

/** To be read. */
export const textOf = (query: Query): string => `${query.isPosted ? 'POST ' : ''}${written(query, (text) => text)}`;
/** To be sent. */
export const addressOf = (query: Query): string => written(query, encodeURIComponent);
