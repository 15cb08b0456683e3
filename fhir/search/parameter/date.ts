/** Source: http://hl7.org/fhir/R4/search.html#date */
import { FhirError } from '../../http/outcome.ts';
import type { ParameterType } from './parameter.ts';
import { compareIntervals, type Interval, parsePrefix, type Prefix } from './prefix.ts';

/** The first and last moments that a date can mean, in milliseconds since the epoch. */
const BEGINNING = -8.64e15;
const END = 8.64e15;

const DATE = /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** The time that a date, dateTime or instant of any precision covers, without a zone in UTC; undefined where it is none. */
export const dateInterval = (text: string): Interval | undefined => {
  const [, year, month, day, hour, minute, second, fraction, zone] = DATE.exec(text) ?? [];
  if (year === undefined) return undefined;
  const at = (y: string | number, m: string | number = '01', d = '01'): number =>
    Date.parse(`${String(y).padStart(4, '0')}-${String(m).padStart(2, '0')}-${d}T00:00:00Z`);
  // Date.parse takes the 30th of February for the 1st of March, and 24:00 for the next day.
  if (hour === '24' || (Number(day) > 28 && new Date(at(year, month, day)).getUTCDate() !== Number(day))) return undefined;
  let lo: number;
  let hi: number;
  if (month === undefined) {
    lo = at(year);
    hi = year === '9999' ? END : at(Number(year) + 1);
  } else if (day === undefined) {
    lo = at(year, month);
    hi = month === '12' ? (year === '9999' ? END : at(Number(year) + 1)) : at(year, Number(month) + 1);
  } else if (hour === undefined) {
    lo = at(year, month, day);
    hi = lo + 86_400_000;
  } else {
    const seconds = second === '60' ? '59' : (second ?? '00');
    lo = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${seconds}${(fraction ?? '').slice(0, 4)}${zone ?? 'Z'}`);
    hi = lo + (second === undefined ? 60_000 : fraction === undefined ? 1000 : 1);
  }
  return Number.isNaN(lo) || Number.isNaN(hi) ? undefined : { lo, hi };
};

const bounds = (start: unknown, end: unknown): Interval | undefined => {
  const from = typeof start === 'string' ? dateInterval(start) : undefined;
  const to = typeof end === 'string' ? dateInterval(end) : undefined;
  return from === undefined && to === undefined ? undefined : { lo: from?.lo ?? BEGINNING, hi: to?.hi ?? END };
};

const timing = (value: { event?: unknown; repeat?: { boundsPeriod?: { start?: unknown; end?: unknown } } }): Interval | undefined => {
  const events = (Array.isArray(value.event) ? value.event : []).flatMap((event) =>
    typeof event === 'string' ? (dateInterval(event) ?? []) : [],
  );
  const period = value.repeat?.boundsPeriod;
  const range = period && bounds(period.start, period.end);
  const all = range === undefined ? events : [...events, range];
  // Not by spreading: as many as a resource can hold are more than a call takes arguments.
  return all.length === 0 ? undefined : all.reduce((whole, { lo, hi }) => ({ lo: Math.min(whole.lo, lo), hi: Math.max(whole.hi, hi) }));
};

/** What `ap` takes in: plus or minus a tenth of the time between then and now, as the specification suggests. Else the interval as it is. */
export const about = (prefix: Prefix, { lo, hi }: Interval): Interval => {
  const slack = prefix === 'ap' ? Math.round(Math.abs(Date.now() - lo) / 10) : 0;
  return { lo: lo - slack, hi: hi + slack };
};

export const date: ParameterType = {
  table: 'date',
  datatypes: new Set(['date', 'dateTime', 'instant', 'Period', 'Timing']),
  modifiers: ['missing'],
  extract: (value, fhirType, add) => {
    let interval: Interval | undefined;
    if (fhirType === 'Period') {
      const { start, end } = value as { start?: unknown; end?: unknown };
      interval = bounds(start, end);
    } else if (fhirType === 'Timing') interval = timing(value as Parameters<typeof timing>[0]);
    else if (typeof value === 'string') interval = dateInterval(value);
    if (interval !== undefined) add(interval.lo, interval.hi);
  },
  condition: (text, { name, modifier, value }) => {
    const { prefix, rest } = parsePrefix(text);
    // A plus sign of a time zone that the client didn't encode arrives as a space.
    const interval = dateInterval(rest.replace(' ', '+'));
    if (interval === undefined) {
      throw new FhirError(
        'value',
        `${name}=${text.slice(0, 40)} is no date: write 2024, 2024-01, 2024-01-31 or 2024-01-31T10:00:00Z, with a prefix such as ge`,
        {
          expression: `http.${name}`,
        },
      );
    }
    // These two are operators of _filter.
    if (modifier === 'includes') return [{ sql: `t.lo <= ${value(interval.lo)}::bigint and t.hi >= ${value(interval.hi)}::bigint` }];
    if (modifier === 'overlaps') return [{ sql: `t.lo < ${value(interval.hi)}::bigint and t.hi > ${value(interval.lo)}::bigint` }];
    return [{ sql: compareIntervals(prefix, about(prefix, interval), (ms) => `${value(ms)}::bigint`) }];
  },
};
