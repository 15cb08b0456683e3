/** Source: http://hl7.org/fhir/R4/search.html#quantity */
import { FhirError } from '../../http/outcome.ts';
import { type CanonicalUnit, canonicalUnit, toCanonical, UCUM } from '../ucum.ts';
import { splitUnescaped, unescapeValue } from './escape.ts';
import { compareNumbers, type NumberRange, rangeOf, requireNumber } from './number.ts';
import type { AddRow, AddToLane, ParameterType, RowTest } from './parameter.ts';
import { type Interval, parsePrefix } from './prefix.ts';

interface Quantity {
  readonly value?: unknown;
  readonly comparator?: unknown;
  readonly unit?: unknown;
  readonly system?: unknown;
  readonly code?: unknown;
}

/** "<5" is everything below 5. */
const intervalOf = ({ value, comparator }: Quantity): Interval | undefined => {
  if (typeof value !== 'number') return undefined;
  if (comparator === '<' || comparator === '<=') return { lo: -Number.MAX_VALUE, hi: value };
  if (comparator === '>' || comparator === '>=') return { lo: value, hi: Number.MAX_VALUE };
  return { lo: value, hi: value };
};

const addQuantity = ({ unit, system, code }: Quantity, { lo, hi }: Interval, add: AddRow, addTo: AddToLane): void => {
  const coded = typeof code === 'string' ? code : null;
  const shown = typeof unit === 'string' ? unit : null;
  add(coded ?? shown, coded !== null && typeof system === 'string' ? system : null, lo, hi);
  if (coded !== null && shown !== null && shown !== coded) add(shown, null, lo, hi);
  const canonical = system === UCUM && coded !== null ? canonicalUnit(coded) : undefined;
  if (canonical !== undefined) addTo('ucum', canonical.unit, null, toCanonical(lo, canonical), toCanonical(hi, canonical));
};

export const quantity: ParameterType = {
  table: 'quantity',
  datatypes: new Set([
    'Quantity',
    'Age',
    'Count',
    'Distance',
    'Duration',
    'MoneyQuantity',
    'SimpleQuantity',
    'Money',
    'Range',
    'SampledData',
  ]),
  modifiers: ['missing'],
  lanes: (fhirType) => (fhirType === 'Money' || fhirType === 'SampledData' ? {} : { ucum: 'quantity' }),
  extract: (value, fhirType, add, addTo) => {
    if (fhirType === 'SampledData') return; // It holds a curve, and no value that a number could be compared with.
    if (fhirType === 'Money') {
      const money = value as { value?: unknown; currency?: unknown };
      const interval = intervalOf({ value: money.value });
      if (interval !== undefined) addQuantity({ system: 'urn:iso:std:iso:4217', code: money.currency }, interval, add, addTo);
    } else if (fhirType === 'Range') {
      const range = rangeOf(value);
      const { low, high } = value as { low?: Quantity; high?: Quantity };
      if (range !== undefined) addQuantity(low ?? high ?? {}, range, add, addTo);
    } else {
      const interval = intervalOf(value as Quantity);
      if (interval !== undefined) addQuantity(value as Quantity, interval, add, addTo);
    }
  },
  condition: (written, { name, value, datatypes }) => {
    const parts = splitUnescaped(written, '|').map(unescapeValue);
    if (parts.length > 3) {
      throw new FhirError('value', `${name}: write a quantity as 5.4, 5.4|system|code or 5.4||unit`, { expression: `http.${name}` });
    }
    const [amount = '', system = '', code = ''] = parts;
    const { prefix, rest } = parsePrefix(amount);
    const number = requireNumber(rest, name);
    const canonical = datatypes.every((type) => type === 'Money') || (system !== '' && system !== UCUM) ? undefined : canonicalUnit(code);
    const plain = (): string => {
      const conditions = [compareNumbers(prefix, number, value)];
      if (code !== '') conditions.push(`t.unit = hashtextextended(${value(code)}, 0)`);
      if (system !== '') conditions.push(`t.system = hashtext(${value(system)})`);
      return conditions.join(' and ');
    };
    if (canonical === undefined) return [{ sql: plain() }];
    const converted: RowTest = {
      lane: 'ucum',
      sql: `${compareNumbers(prefix, inUnit(number, canonical), value)} and t.unit = hashtextextended(${value(canonical.unit)}, 0)`,
    };
    // Without a system the unit may also be a text that was never a code.
    return system === '' ? [converted, { sql: plain() }] : [converted];
  },
};

const inUnit = ({ value, lo, hi, near }: NumberRange, unit: CanonicalUnit): NumberRange => ({
  value: toCanonical(value, unit),
  lo: toCanonical(lo, unit),
  hi: toCanonical(hi, unit),
  // A tenth of what is written: of kelvins it would be 30 degrees.
  near: { lo: toCanonical(near.lo, unit), hi: toCanonical(near.hi, unit) },
});
