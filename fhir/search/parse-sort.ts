/** Source: http://hl7.org/fhir/R4/search.html#_sort */
import type { SearchTable } from '../store/search-table.ts';
import { type Parsing, requireParameter, unknown } from './parsing.ts';
import type { SortKey } from './request.ts';

const SORTABLE: ReadonlySet<SearchTable> = new Set(['string', 'date', 'number', 'quantity', 'token', 'ref', 'uri'] as const);
const MAX_KEYS = 10;

/** The keys of `_sort`, which each of the types must have. */
export const parseSort = (types: readonly string[], text: string, p: Parsing): SortKey[] => {
  const parts = text.split(',').filter(Boolean);
  if (parts.length > MAX_KEYS) throw unknown('_sort', `_sort takes ${MAX_KEYS} keys at most`);
  return parts.map((part) => {
    // A hyphen may also be the beginning of a code, as it is of those that clients define.
    const has = (code: string): boolean => types.every((type) => p.planOf(type).parameters.has(code));
    const descending = part.startsWith('-') && (has(part.slice(1)) || !has(part));
    const code = descending ? part.slice(1) : part;
    if (code === '_id' || code === '_lastUpdated') return { code, descending, indexed: undefined };
    const indexed = types.map((type) => ({ type, ...requireParameter(type, code, '_sort', p) }));
    const [table, ...others] = new Set(indexed.map(({ parameterType }) => parameterType.table));
    const name = `_sort=${code.slice(0, 60)}`;
    if (!SORTABLE.has(table!))
      throw unknown(
        '_sort',
        `${name}: a ${indexed[0]!.parameter.type} parameter has no order: sort by one of its parts, or by another one`,
      );
    if (others.length > 0) throw unknown('_sort', `${name} is of another kind in each of the types: search one of them with _type`);
    return { code, descending, indexed };
  });
};
