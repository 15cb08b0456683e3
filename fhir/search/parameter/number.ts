/** Source: http://hl7.org/fhir/R4/search.html#number */
import { FhirError } from '../../http/outcome.ts';
import type { ParameterType } from './parameter.ts';
import { type Interval, parsePrefix, type Prefix } from './prefix.ts';

const NUMBER = /^([+-]?)(\d{1,400})(?:\.(\d{1,400}))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A number as written, with the range that its digits leave open. */
export interface NumberRange extends Interval {
  readonly value: number;
  /** A tenth of it more and less. */
  readonly near: Interval;
}

/**
 * A number and the range that its digits leave open: 100 is 99.5 to 100.5, 1.00e2 is 99.5 to 100.5 too. A single digit with an exponent is
 * the exception that the specification makes in its examples: 1e2 is 95 to 105, not 50 to 150.
 */
export const parseNumber = (text: string): NumberRange | undefined => {
  const match = NUMBER.exec(text);
  const value = Number(text);
  if (match === null || !Number.isFinite(value)) return undefined;
  const [, sign, digits, fraction, exponent] = match;
  const isSingle = digits!.length === 1 && exponent !== undefined;
  const decimals = fraction ?? (isSingle ? '0' : '');
  // In whole numbers of a tenth of the last digit: 0.2 - 0.05 as floating point numbers is more than the 0.15 that a resource holds.
  const tenths = BigInt(`${digits!}${decimals}0`) * (sign === '-' ? -1n : 1n);
  const bound = (given: bigint): number => Number(`${given}e${Number(exponent ?? 0) - decimals.length - 1}`);
  const slack = Math.abs(value) / 10;
  return { value, lo: bound(tenths - 5n), hi: bound(tenths + 5n), near: { lo: value - slack, hi: value + slack } };
};

/** The end of a number's range. Of one with all the digits that a double has, such as 0.30000000000000004, all three are the same double. */
const endOf = ({ value, hi }: NumberRange): number => Math.max(hi, value + Math.max(Math.abs(value) * Number.EPSILON, Number.MIN_VALUE));

/** The comparison of stored bounds with a number, as SQL. */
export const compareNumbers = (prefix: Prefix, number: NumberRange, value: (given: number) => string): string => {
  const sql = (given: number): string => `${value(given)}::double precision`;
  switch (prefix) {
    case 'eq': {
      const end = sql(endOf(number));
      return `t.lo >= ${sql(number.lo)} and t.lo < ${end} and t.hi < ${end}`;
    }
    case 'ne':
      return `not (t.lo >= ${sql(number.lo)} and t.hi < ${sql(endOf(number))})`;
    case 'gt':
      return `t.hi > ${sql(number.value)}`;
    case 'lt':
      return `t.lo < ${sql(number.value)}`;
    case 'ge':
      return `t.hi >= ${sql(number.value)}`;
    case 'le':
      return `t.lo <= ${sql(number.value)}`;
    case 'sa':
      return `t.lo > ${sql(number.value)}`;
    case 'eb':
      return `t.hi < ${sql(number.value)}`;
    case 'ap':
      return `t.lo <= ${sql(number.near.hi)} and t.hi >= ${sql(number.near.lo)}`;
  }
};

/** Throws FhirError `value`. */
export const requireNumber = (text: string, name: string): NumberRange => {
  const number = parseNumber(text);
  if (number !== undefined) return number;
  throw new FhirError('value', `${name}=${text.slice(0, 40)} is no number: write 5.4 or 5.4e1, with a prefix such as gt`, {
    expression: `http.${name}`,
  });
};

const bound = (quantity: unknown): number | undefined => {
  const value = (quantity as { value?: unknown } | undefined)?.value;
  return typeof value === 'number' ? value : undefined;
};

/** The numbers that a Range covers; undefined where it says nothing. */
export const rangeOf = (value: unknown): Interval | undefined => {
  const { low, high } = value as { low?: unknown; high?: unknown };
  const lo = bound(low);
  const hi = bound(high);
  return lo === undefined && hi === undefined ? undefined : { lo: lo ?? -Number.MAX_VALUE, hi: hi ?? Number.MAX_VALUE };
};

export const number: ParameterType = {
  table: 'number',
  datatypes: new Set(['integer', 'decimal', 'positiveInt', 'unsignedInt', 'Range', 'SimpleQuantity']),
  modifiers: ['missing'],
  extract: (value, fhirType, add) => {
    if (fhirType === 'Range') {
      const range = rangeOf(value);
      if (range !== undefined) add(range.lo, range.hi);
    } else if (typeof value === 'number') add(value, value);
  },
  condition: (text, { name, value }) => {
    const { prefix, rest } = parsePrefix(text);
    return [{ sql: compareNumbers(prefix, requireNumber(rest, name), value) }];
  },
};
