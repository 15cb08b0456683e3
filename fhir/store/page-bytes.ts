/** What the resources of one page may have together: clients store large ones too, and a page of a thousand of them would fill the memory. */
export const MAX_PAGE_BYTES = 8 << 20;

/**
 * SQL of how many bytes the bodies of the rows before this one have, in the order of the page. Of rows that it says too much for, no body is
 * read; the first row always has its own.
 */
export const bytesBefore = (body: string, order: string): string =>
  `coalesce(sum(octet_length(${body})) over (order by ${order} rows between unbounded preceding and 1 preceding), 0)`;

/** The rows of a page: up to the first that has no place any more, and `limit` at most. */
export const fitting = <T extends { readonly isCut: boolean }>(rows: readonly T[], limit: number): readonly T[] => {
  const cut = rows.findIndex(({ isCut }) => isCut);
  return rows.slice(0, cut === -1 ? limit : Math.min(cut, limit));
};
