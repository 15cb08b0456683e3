/** Source: http://hl7.org/fhir/R4/search.html#_sort */
import { type Parsing, requireParameter, unknown } from './parsing.ts';
import type { SortKey } from './request.ts';

const SORTABLE = new Set(['string', 'date', 'number', 'quantity']);
const MAX_KEYS = 10;

/** The keys of `_sort`, which each of the types must have. */
export const parseSort = (types: readonly string[], text: string, p: Parsing): SortKey[] => {
  const parts = text.split(',').filter(Boolean);
  if (parts.length > MAX_KEYS) throw unknown('_sort', `_sort takes ${MAX_KEYS} keys at most`);
  return parts.map((part) => {
    const descending = part.startsWith('-');
    const code = descending ? part.slice(1) : part;
    if (code === '_id' || code === '_lastUpdated') return { code, descending, indexed: undefined };
    const indexed = types.map((type) => requireParameter(type, code, '_sort', p));
    const tables = new Set(indexed.map(({ parameterType }) => parameterType.table));
    const [table] = tables;
    if (tables.size > 1 || !SORTABLE.has(table!)) {
      throw unknown(
        '_sort',
        `_sort=${code.slice(0, 60)}: a ${indexed[0]!.parameter.type} parameter has no order here: sort by a string, date, number or quantity, _id or _lastUpdated`,
      );
    }
    return { code, descending, indexed };
  });
};
