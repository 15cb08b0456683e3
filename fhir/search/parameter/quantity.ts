/** Source: http://hl7.org/fhir/R4/search.html#quantity */
import { FhirError } from '../../http/outcome.ts';
import { splitUnescaped, unescapeValue } from './escape.ts';
import { compareNumbers, rangeOf, requireNumber } from './number.ts';
import type { AddRow, ParameterType } from './parameter.ts';
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

const addQuantity = ({ unit, system, code }: Quantity, { lo, hi }: Interval, add: AddRow): void => {
  const coded = typeof code === 'string' ? code : null;
  const shown = typeof unit === 'string' ? unit : null;
  add(coded ?? shown, coded !== null && typeof system === 'string' ? system : null, lo, hi);
  if (coded !== null && shown !== null && shown !== coded) add(shown, null, lo, hi);
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
  extract: (value, fhirType, add) => {
    if (fhirType === 'SampledData') return; // It holds a curve, and no value that a number could be compared with.
    if (fhirType === 'Money') {
      const money = value as { value?: unknown; currency?: unknown };
      const interval = intervalOf({ value: money.value });
      if (interval !== undefined) addQuantity({ system: 'urn:iso:std:iso:4217', code: money.currency }, interval, add);
    } else if (fhirType === 'Range') {
      const range = rangeOf(value);
      const { low, high } = value as { low?: Quantity; high?: Quantity };
      if (range !== undefined) addQuantity(low ?? high ?? {}, range, add);
    } else {
      const interval = intervalOf(value as Quantity);
      if (interval !== undefined) addQuantity(value as Quantity, interval, add);
    }
  },
  condition: (written, { name, value }) => {
    const parts = splitUnescaped(written, '|').map(unescapeValue);
    if (parts.length !== 1 && parts.length !== 3) {
      throw new FhirError('value', `${name}: write a quantity as 5.4, 5.4|system|code or 5.4||unit`, { expression: `http.${name}` });
    }
    const [amount = '', system = '', code = ''] = parts;
    const { prefix, rest } = parsePrefix(amount);
    const conditions = [compareNumbers(prefix, requireNumber(rest, name), value)];
    if (code !== '') conditions.push(`t.unit = hashtextextended(${value(code)}, 0)`);
    if (system !== '') conditions.push(`t.system = hashtext(${value(system)})`);
    return conditions.join(' and ');
  },
};
