import { isObject } from '../../json/value.ts';
import { dateInterval } from '../../search/parameter/date.ts';
import { canonicalUnit, toCanonical, UCUM } from '../../search/ucum.ts';

/** Whether two values are the same to the last member, in any order of members. */
export const equals = (a: unknown, b: unknown): boolean => {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((each, i) => equals(each, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => equals(a[key], b[key]));
};

/** Whether a value has all that the pattern has. Source: http://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_ */
export const matches = (value: unknown, pattern: unknown): boolean => {
  if (Array.isArray(pattern)) return Array.isArray(value) && pattern.every((each) => value.some((item) => matches(item, each)));
  if (isObject(pattern)) return isObject(value) && Object.entries(pattern).every(([key, each]) => matches(value[key], each));
  return value === pattern;
};

const TIME = /^\d\d:/;

/** A quantity in the unit that others of its dimension have too. */
const measured = ({
  value,
  system,
  code,
  unit,
}: Readonly<Record<string, unknown>>): readonly [unit: unknown, value: number] | undefined => {
  if (typeof value !== 'number') return undefined;
  const canonical = system === UCUM && typeof code === 'string' ? canonicalUnit(code) : undefined;
  return canonical === undefined ? [code ?? unit, value] : [canonical.unit, toCanonical(value, canonical)];
};

/** Whether one number, date, time or quantity lies wholly below another; false where they can't be compared. */
export const isBelow = (a: unknown, b: unknown): boolean => {
  if (typeof a === 'number' && typeof b === 'number') return a < b;
  if (typeof a === 'string' && typeof b === 'string') {
    if (TIME.test(a) && TIME.test(b)) return a < b;
    const [one, other] = [dateInterval(a), dateInterval(b)];
    return one !== undefined && other !== undefined && one.hi <= other.lo;
  }
  if (!isObject(a) || !isObject(b)) return false;
  const [one, other] = [measured(a), measured(b)];
  return one !== undefined && other !== undefined && one[0] === other[0] && one[1] < other[1];
};
