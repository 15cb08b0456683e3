import { SEARCH_TABLE_NAMES, type SearchRow, type SearchRows, type SearchTable } from './search-table.ts';

export const NO_ROWS: SearchRows = Object.freeze(
  Object.fromEntries(SEARCH_TABLE_NAMES.map((table) => [table, []])),
) as unknown as SearchRows;

const only = (rows: readonly SearchRow[], other: readonly SearchRow[]): readonly SearchRow[] => {
  if (rows.length === 0) return rows;
  const seen = new Set<string>();
  for (const row of other) seen.add(JSON.stringify(row));
  return rows.filter((row) => {
    const key = JSON.stringify(row);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
};

/** The distinct rows to add and to remove so that `before` becomes `after`: what didn't change isn't written again. */
export const rowDifference = (before: SearchRows, after: SearchRows): { readonly added: SearchRows; readonly removed: SearchRows } => {
  const added = {} as Record<SearchTable, readonly SearchRow[]>;
  const removed = {} as Record<SearchTable, readonly SearchRow[]>;
  for (const table of SEARCH_TABLE_NAMES) {
    added[table] = only(after[table], before[table]);
    removed[table] = only(before[table], after[table]);
  }
  return { added, removed };
};
