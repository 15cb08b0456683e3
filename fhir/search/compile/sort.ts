import type { SortKey } from '../request.ts';
import type { Builder } from './builder.ts';
import { isFromText, sortText } from './sort-text.ts';

/** The value that a resource sorts by, or null. */
export const sortValue = (b: Builder, key: SortKey): string => {
  if (isFromText(key)) return sortText(b, key);
  const { code, descending, indexed } = key;
  if (indexed === undefined) {
    const column = code === '_id' ? 'r.id' : '(extract(epoch from r.updated) * 1000)::bigint';
    return `(select ${column} from fhir.resource r where r.rid = d.rid)`;
  }
  const { table } = indexed[0]!.parameterType;
  const column = table === 'string' ? 't.value' : descending ? 't.hi' : 't.lo';
  const own = [...new Set(indexed.flatMap(({ keys }) => keys))];
  return `(select ${descending ? 'max' : 'min'}(${column}) from fhir.sp_${table} t where t.rid = d.rid and ${b.keys(own, 't')})`;
};

/** What a sort value is in SQL, and in a cursor. */
export const sortType = ({ code, indexed }: SortKey): 'text' | 'bigint' | 'double precision' => {
  if (code === '_id') return 'text';
  if (indexed === undefined) return 'bigint';
  const { table } = indexed[0]!.parameterType;
  return table === 'string' || isFromText({ indexed }) ? 'text' : table === 'date' ? 'bigint' : 'double precision';
};

/** True for what comes after the cursor, in the order of the sort keys with missing ones last. */
export const after = (b: Builder, sort: readonly SortKey[], cursor: readonly (string | number | null)[]): string => {
  const alternatives: string[] = [];
  const equal: string[] = [];
  for (const [i, key] of sort.entries()) {
    const last = cursor[i]!;
    if (last !== null) {
      const given = `${b.value(last)}::${sortType(key)}`;
      alternatives.push([...equal, `(s.k${i} ${key.descending ? '<' : '>'} ${given} or s.k${i} is null)`].join(' and '));
      equal.push(`s.k${i} = ${given}`);
    } else equal.push(`s.k${i} is null`);
  }
  alternatives.push([...equal, `s.rid > ${b.value(cursor.at(-1)!)}::bigint`].join(' and '));
  return `(${alternatives.map((each) => `(${each})`).join(' or ')})`;
};

export const orderBy = (sort: readonly SortKey[], alias: string): string =>
  [...sort.map(({ descending }, i) => `${alias}.k${i} ${descending ? 'desc' : 'asc'} nulls last`), `${alias}.rid`].join(', ');
