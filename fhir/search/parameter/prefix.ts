/** Comparison prefixes. Source: http://hl7.org/fhir/R4/search.html#prefix */
export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap';

const PREFIXED = /^(eq|ne|gt|lt|ge|le|sa|eb|ap)(?=[-+\d])(.*)$/s;

export const parsePrefix = (text: string): { readonly prefix: Prefix; readonly rest: string } => {
  const [, prefix, rest] = PREFIXED.exec(text) ?? [];
  return prefix === undefined || rest === undefined ? { prefix: 'eq', rest: text } : { prefix: prefix as Prefix, rest };
};

/** Half-open. */
export interface Interval {
  readonly lo: number;
  readonly hi: number;
}

/** The comparison of a stored interval [t.lo, t.hi) with one that is asked for, as SQL; `value` numbers a parameter. */
export const compareIntervals = (prefix: Prefix, { lo, hi }: Interval, value: (given: number) => string): string => {
  switch (prefix) {
    case 'eq': {
      const end = value(hi);
      return `t.lo >= ${value(lo)} and t.lo < ${end} and t.hi <= ${end}`;
    }
    case 'ne':
      return `not (t.lo >= ${value(lo)} and t.hi <= ${value(hi)})`;
    case 'gt':
      return `t.hi > ${value(hi)}`;
    case 'lt':
      return `t.lo < ${value(lo)}`;
    case 'ge':
      return `t.hi > ${value(lo)}`;
    case 'le':
      return `t.lo < ${value(hi)}`;
    case 'sa':
      return `t.lo >= ${value(hi)}`;
    case 'eb':
      return `t.hi <= ${value(lo)}`;
    case 'ap':
      return `t.lo < ${value(hi)} and t.hi > ${value(lo)}`;
  }
};

/** The same of a stored moment, which has no length: it lies below the interval, in it, or above it. `instant` is its SQL. */
export const compareInstant = (prefix: Prefix, { lo, hi }: Interval, instant: string, value: (given: number) => string): string => {
  const isWithin = (): string => `${instant} >= ${value(lo)} and ${instant} < ${value(hi)}`;
  switch (prefix) {
    case 'eq':
    case 'ap':
      return isWithin();
    case 'ne':
      return `not (${isWithin()})`;
    case 'gt':
    case 'sa':
      return `${instant} >= ${value(hi)}`;
    case 'lt':
    case 'eb':
      return `${instant} < ${value(lo)}`;
    case 'ge':
      return `${instant} >= ${value(lo)}`;
    case 'le':
      return `${instant} < ${value(hi)}`;
  }
};
