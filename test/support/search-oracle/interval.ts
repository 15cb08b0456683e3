/** Dates, numbers and quantities. Sources: http://hl7.org/fhir/R4/search.html#prefix, #date, #number, #quantity */
import type { Value } from './parameters.ts';
import { split, unescaped } from './text.ts';
import { UCUM } from './values.ts';

/** Of times `hi` is the first moment after it, of numbers the last one in it. */
interface Interval {
  readonly lo: number;
  readonly hi: number;
}
export const PREFIXES = ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const;
type Prefix = (typeof PREFIXES)[number];

const prefixed = (text: string): [Prefix, string] => {
  const prefix = PREFIXES.find((each) => text.startsWith(each));
  return prefix === undefined ? ['eq', text] : [prefix, text.slice(2)];
};

const isoOf = (year: number, month: number, day: number): string =>
  `${String(year)
    .padStart(year > 9999 ? 6 : 4, '0')
    .replace(/^(?=\d{6})/, '+')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}T00:00:00Z`;

/** The server's choice: the last year lasts for ever, for many write it where nothing ends. */
const endOf = (year: number, month: number): number =>
  year === 9999 && month === 12 ? Infinity : Date.parse(month === 12 ? isoOf(year + 1, 1, 1) : isoOf(year, month + 1, 1));

/** The milliseconds that a date of any precision covers, the last one left out; UTC where no zone is named. */
export const timeOf = (text: string): Interval => {
  const [date = '', time] = text.split('T');
  const [year = 0, month, day] = date.split('-').map(Number);
  if (time !== undefined) {
    const [, clock = '', zone = ''] = /^([\d:.]+)(.*)$/.exec(time)!;
    const [hour, minute, second] = clock.split(':');
    const lo = Date.parse(`${date}T${hour}:${minute}:${second ?? '00'}${zone || 'Z'}`);
    // A fraction is taken for whole milliseconds: .5 is .500.
    return { lo, hi: lo + (second === undefined ? 60_000 : second.includes('.') ? 1 : 1000) };
  }
  const lo = Date.parse(isoOf(year, month ?? 1, day ?? 1));
  if (day !== undefined) return { lo, hi: lo + 86_400_000 };
  return { lo, hi: endOf(year, month ?? 12) };
};

const period = ({ start, end }: { start?: string; end?: string }): Interval[] =>
  start === undefined && end === undefined
    ? []
    : [{ lo: start === undefined ? -Infinity : timeOf(start).lo, hi: end === undefined ? Infinity : timeOf(end).hi }];

export const timesOf = ({ type, value }: Value): Interval[] => {
  if (type === 'Period') return period(value as { start?: string });
  if (type !== 'Timing') return [timeOf(value as string)];
  // "the specified scheduling details are ignored and only the outer limits matter"
  const { event = [], repeat } = value as { event?: string[]; repeat?: { boundsPeriod?: { start?: string } } };
  const all = [...event.map(timeOf), ...period(repeat?.boundsPeriod ?? {})];
  return all.length === 0 ? [] : [{ lo: Math.min(...all.map(({ lo }) => lo)), hi: Math.max(...all.map(({ hi }) => hi)) }];
};

export const matchesDate = (value: Value, text: string): boolean => {
  const [prefix, rest] = prefixed(text);
  const asked = timeOf(rest);
  return timesOf(value).some(({ lo, hi }) => {
    const isWithin = lo >= asked.lo && hi <= asked.hi;
    switch (prefix) {
      case 'eq':
        return isWithin;
      case 'ne':
        return !isWithin;
      case 'gt':
        return hi > asked.hi;
      case 'lt':
        return lo < asked.lo;
      // The server's choice, as of others: what is asked for belongs to the range above it, and to that below it.
      case 'ge':
        return hi > asked.lo;
      case 'le':
        return lo < asked.hi;
      case 'sa':
        return lo >= asked.hi;
      case 'eb':
        return hi <= asked.lo;
      case 'ap': {
        // "the recommended value for the approximation is 10% of the stated value (or for a date, 10% of the gap between now and the date)"
        const slack = Math.abs(Date.now() - asked.lo) / 10;
        return lo < asked.hi + slack && hi > asked.lo - slack;
      }
    }
  });
};

/** `half`: of the range that the digits leave open. */
interface Asked {
  readonly value: number;
  readonly half: number;
}

/** 100 is 99.5 to 100.5, 1.0e2 is 95 to 105; the specification's own example makes an exception of 1e2: 95 to 105 too. */
const numberOf = (text: string): Asked => {
  const [, digits = '', fraction, exponent] = /^[-+]?(\d+)(?:\.(\d+))?(?:e([-+]?\d+))?$/i.exec(text)!;
  const last = fraction === undefined ? (exponent !== undefined && digits.length === 1 ? -1 : 0) : -fraction.length;
  return { value: Number(text), half: 0.5 * 10 ** (last + Number(exponent ?? 0)) };
};

/** Binary fractions aren't exact: what differs in the thirteenth digit alone is the same. */
const round = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(12)) : value);

const matchesBounds = ({ lo, hi }: Interval, prefix: Prefix, { value, half }: Asked): boolean => {
  const [from, to] = [round(value - half), round(value + half)];
  const isWithin = lo >= from && hi < to;
  switch (prefix) {
    case 'eq':
      return isWithin;
    case 'ne':
      return !isWithin;
    case 'gt':
      return hi > value;
    case 'lt':
      return lo < value;
    case 'ge':
      return hi >= value;
    case 'le':
      return lo <= value;
    case 'sa':
      return lo > value;
    case 'eb':
      return hi < value;
    case 'ap': {
      const slack = Math.abs(value) / 10;
      return lo <= round(value + slack) && hi >= round(value - slack);
    }
  }
};

interface Quantity {
  readonly value?: number;
  readonly comparator?: string;
  readonly unit?: string;
  readonly system?: string;
  readonly code?: string;
}

export const boundsOf = ({ type, value }: Value): Interval[] => {
  if (typeof value === 'number') return [{ lo: value, hi: value }];
  if (type === 'Range') {
    const { low, high } = value as { low?: Quantity; high?: Quantity };
    return [{ lo: low?.value ?? -Infinity, hi: high?.value ?? Infinity }];
  }
  const { value: number, comparator } = value as Quantity;
  if (number === undefined) return [];
  // The server's choice: <5 is all up to 5, which "<" and "<=" alike may come near.
  if (comparator?.startsWith('<') === true) return [{ lo: -Infinity, hi: number }];
  if (comparator?.startsWith('>') === true) return [{ lo: number, hi: Infinity }];
  return [{ lo: number, hi: number }];
};

export const matchesNumber = (value: Value, text: string): boolean => {
  const [prefix, rest] = prefixed(text);
  return boundsOf(value).some((bounds) => matchesBounds(bounds, prefix, numberOf(rest)));
};

/** What a unit of UCUM measures, and a number in it in the first unit of its kind. */
const UNITS: Readonly<Record<string, { readonly of: string; readonly first: (value: number) => number }>> = {
  g: { of: 'mass', first: (v) => v },
  mg: { of: 'mass', first: (v) => v / 1000 },
  kg: { of: 'mass', first: (v) => v * 1000 },
  K: { of: 'temperature', first: (v) => v },
  Cel: { of: 'temperature', first: (v) => v + 273.15 },
  '[degF]': { of: 'temperature', first: (v) => ((v + 459.67) * 5) / 9 },
  L: { of: 'volume', first: (v) => v },
  mL: { of: 'volume', first: (v) => v / 1000 },
  min: { of: 'time', first: (v) => v },
  h: { of: 'time', first: (v) => v * 60 },
  d: { of: 'time', first: (v) => v * 1440 },
  'g/L': { of: 'density', first: (v) => v },
  'mg/dL': { of: 'density', first: (v) => v / 100 },
  'mm[Hg]': { of: 'pressure', first: (v) => v },
  '/min': { of: 'frequency', first: (v) => v },
  // What stands in braces means nothing.
  '{beats}/min': { of: 'frequency', first: (v) => v },
  '%': { of: 'part', first: (v) => v / 100 },
  '1': { of: 'part', first: (v) => v },
  '[lb_av]': { of: 'mass', first: (v) => v * 453.59237 },
  '[in_i]': { of: 'length', first: (v) => v * 2.54 },
  cm: { of: 'length', first: (v) => v },
  m: { of: 'length', first: (v) => v * 100 },
  '10*3/uL': { of: 'count', first: (v) => v },
  '10*9/L': { of: 'count', first: (v) => v },
};

const unitOf = ({ type, value }: Value): Quantity => {
  if (type === 'Money') return { system: 'urn:iso:std:iso:4217', code: (value as { currency?: string }).currency! };
  if (type !== 'Range') return value as Quantity;
  const { low, high } = value as { low?: Quantity; high?: Quantity };
  return low ?? high ?? {};
};

/** number, number|system|code, or number||unit: "where the unit is the code or the human form". */
export const matchesQuantity = (value: Value, text: string): boolean => {
  const [amount = '', system = '', code = ''] = split(text, '|').map(unescaped);
  const [prefix, rest] = prefixed(amount);
  const asked = numberOf(rest);
  const own = unitOf(value);
  return boundsOf(value).some((bounds) => {
    const isWritten =
      (code === '' || own.code === code || (system === '' && own.unit === code)) && (system === '' || own.system === system);
    if (isWritten && matchesBounds(bounds, prefix, asked)) return true;
    const [from, to] = [own.system === UCUM ? UNITS[own.code ?? ''] : undefined, UNITS[code]];
    if (value.type === 'Money' || from === undefined || from.of !== to?.of || (system !== '' && system !== UCUM)) return false;
    const converted = { ...bounds, lo: round(from.first(bounds.lo)), hi: round(from.first(bounds.hi)) };
    const [low, high] = [to.first(asked.value - asked.half), to.first(asked.value + asked.half)];
    return matchesConverted(converted, prefix, { low, high, asked, first: to.first });
  });
};

/** As if the search had named the first unit: "about" is a tenth of the value in that unit. */
const matchesConverted = (
  bounds: Interval,
  prefix: Prefix,
  { low, high, asked, first }: { low: number; high: number; asked: Asked; first: (value: number) => number },
): boolean => {
  if (prefix === 'ap') {
    const slack = Math.abs(asked.value) / 10;
    return bounds.lo <= round(first(asked.value + slack)) && bounds.hi >= round(first(asked.value - slack));
  }
  return matchesBounds(bounds, prefix, { value: round(first(asked.value)), half: (high - low) / 2 });
};
