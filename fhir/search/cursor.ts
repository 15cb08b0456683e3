import { FhirError } from '../http/outcome.ts';

/** Where the next page begins: the last row's sort values, then its resource key. */
export type Cursor = readonly (string | number | null)[];

export const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

/** Throws 400 unless it is a cursor of a search with that many sort keys. */
export const decodeCursor = (text: string, sortKeys: number): Cursor => {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    value = undefined;
  }
  const isCursor =
    Array.isArray(value) &&
    value.length === sortKeys + 1 &&
    value.every((each) => each === null || typeof each === 'string' || Number.isFinite(each)) &&
    Number.isSafeInteger(value.at(-1));
  if (!isCursor)
    throw new FhirError('value', '_cursor is damaged or of another search: follow the next link as it was given', {
      expression: 'http._cursor',
    });
  return value as Cursor;
};
