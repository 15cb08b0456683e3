import { FhirError } from '../http/outcome.ts';
import { sortType } from './compile/sort.ts';
import type { SortKey } from './request.ts';

/** Where the next page begins: the last row's sort values, then its resource key; where contained resources are searched, then its place. */
export type Cursor = readonly (string | number | null)[];

export const encodeCursor = (cursor: Cursor): string => Buffer.from(JSON.stringify(cursor)).toString('base64url');

const MAX_LENGTH = 16_384;
const MAX_PLACE = 32_767;

const isValue: Readonly<Record<ReturnType<typeof sortType>, (value: unknown) => boolean>> = {
  text: (value) => typeof value === 'string' && !value.includes('\0') && value.isWellFormed(),
  bigint: Number.isSafeInteger,
  'double precision': Number.isFinite,
};

/** Throws 400 unless it is a cursor of a search with those sort keys. */
export const decodeCursor = (text: string, sort: readonly SortKey[], hasPlace: boolean): Cursor => {
  const numbers = hasPlace ? 2 : 1;
  let value: unknown;
  try {
    value = text.length > MAX_LENGTH ? undefined : JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    value = undefined;
  }
  const isCursor =
    Array.isArray(value) &&
    value.length === sort.length + numbers &&
    sort.every((key, i) => (value as unknown[])[i] === null || isValue[sortType(key)]((value as unknown[])[i])) &&
    value.slice(-numbers).every((each) => Number.isSafeInteger(each)) &&
    (!hasPlace || Math.abs(value.at(-1) as number) <= MAX_PLACE);
  if (!isCursor)
    throw new FhirError('value', '_cursor is damaged or of another search: follow the next link as it was given', {
      expression: 'http._cursor',
    });
  return value as Cursor;
};
