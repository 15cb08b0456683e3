/**
 * The invariants of the datatypes themselves, checked on every write; those of resources are FHIRPath (invariants.ts).
 * Source: http://hl7.org/fhir/R4/datatypes.html
 */
import type { Json } from '../json/value.ts';
import { dateInterval } from '../search/parameter/date.ts';

export interface DatatypeRule {
  /** As the specification numbers it. */
  readonly key: string;
  readonly holds: (value: Json) => boolean;
  readonly hint: string;
}

const UCUM = 'http://unitsofmeasure.org';

const has = (value: Json, name: string): boolean => value[name] !== undefined || value[`_${name}`] !== undefined;
const hasAny = (value: Json, prefix: string): boolean =>
  Object.keys(value).some((key) => key.startsWith(prefix) || key.startsWith(`_${prefix}`));
const needs = (value: Json, name: string, other: string): boolean => !has(value, name) || has(value, other);
const isCodedIn = (value: Json, system: string): boolean =>
  (!has(value, 'value') || has(value, 'code')) && (!has(value, 'system') || value['system'] === system);

// Only where every reading of the two is the wrong way round: 2024 to 2024-03 is none.
const isOrdered = ({ start, end }: { readonly start?: unknown; readonly end?: unknown }): boolean => {
  if (typeof start !== 'string' || typeof end !== 'string' || start.slice(0, 10) < end.slice(0, 10)) return true;
  if (start.length === end.length && start.slice(19) === end.slice(19)) return start <= end;
  const from = dateInterval(start);
  const to = dateInterval(end);
  return from === undefined || to === undefined || from.lo < to.hi;
};

const quantity: DatatypeRule = {
  key: 'qty-3',
  holds: (value) => needs(value, 'code', 'system'),
  hint: `the code of a unit needs its system: add "system": "${UCUM}" for UCUM`,
};

const sized = (value: unknown): { readonly value?: unknown; readonly code?: unknown; readonly unit?: unknown } => (value ?? {}) as object;
const isRange = ({ low, high }: Json): boolean => {
  const [from, to] = [sized(low), sized(high)];
  const comparable = typeof from.value === 'number' && typeof to.value === 'number' && from.code === to.code && from.unit === to.unit;
  return !comparable || (from.value as number) <= (to.value as number);
};

const startsWithData = (value: unknown): boolean => typeof value === 'string' && value.startsWith('data-');
const isNegative = (value: unknown): boolean => typeof value === 'number' && value < 0;
const one = (value: Json): boolean => has(value, 'path') !== has(value, 'searchParam');
const EVENTS_WITHOUT_OFFSET = new Set(['C', 'CM', 'CD', 'CV']);

/** Datatype, or path of a part of one → its rules. */
export const DATATYPE_RULES: Readonly<Record<string, readonly DatatypeRule[]>> = {
  Attachment: [
    { key: 'att-1', holds: (value) => needs(value, 'data', 'contentType'), hint: 'data needs a contentType: say what the bytes are' },
  ],
  ContactPoint: [
    { key: 'cpt-2', holds: (value) => needs(value, 'value', 'system'), hint: 'a value needs a system: phone, email, url or another' },
  ],
  Period: [{ key: 'per-1', holds: isOrdered, hint: 'the start is after the end: exchange them' }],
  Quantity: [quantity],
  Age: [
    quantity,
    {
      key: 'age-1',
      holds: (value) => isCodedIn(value, UCUM) && !(typeof value['value'] === 'number' && value['value'] <= 0),
      hint: 'an age is more than 0 and has a UCUM code for its unit, such as "a"',
    },
  ],
  Count: [
    quantity,
    {
      key: 'cnt-3',
      holds: (value) =>
        isCodedIn(value, UCUM) &&
        (value['code'] === undefined || value['code'] === '1') &&
        (typeof value['value'] !== 'number' || Number.isInteger(value['value'])),
      hint: 'a count is a whole number with the UCUM code "1"',
    },
  ],
  Distance: [
    quantity,
    { key: 'dis-1', holds: (value) => isCodedIn(value, UCUM), hint: 'a distance has a UCUM code for its unit, such as "m"' },
  ],
  Duration: [
    quantity,
    {
      key: 'drt-1',
      holds: (value) => !has(value, 'code') || (value['system'] === UCUM && has(value, 'value')),
      hint: `a duration with a code has a value too and the system ${UCUM}`,
    },
  ],
  Range: [{ key: 'rng-2', holds: isRange, hint: 'low is more than high: exchange them' }],
  Ratio: [
    {
      key: 'rat-1',
      holds: (value) =>
        has(value, 'numerator') === has(value, 'denominator') && (has(value, 'numerator') || value['extension'] !== undefined),
      hint: 'a ratio has both a numerator and a denominator, or neither and an extension',
    },
  ],
  Expression: [
    { key: 'exp-1', holds: (value) => has(value, 'expression') || has(value, 'reference'), hint: 'it needs an expression or a reference' },
  ],
  Extension: [
    {
      key: 'ext-1',
      holds: (value) => (value['extension'] !== undefined) !== hasAny(value, 'value'),
      hint: 'an extension has a value or extensions, not both and not neither',
    },
  ],
  'DataRequirement.codeFilter': [{ key: 'drq-1', holds: one, hint: 'give either path or searchParam' }],
  'DataRequirement.dateFilter': [{ key: 'drq-2', holds: one, hint: 'give either path or searchParam' }],
  TriggerDefinition: [
    { key: 'trd-1', holds: (value) => !has(value, 'data') || !hasAny(value, 'timing'), hint: 'give either data or a timing' },
    { key: 'trd-2', holds: (value) => needs(value, 'condition', 'data'), hint: 'a condition needs data' },
    {
      key: 'trd-3',
      holds: (value) =>
        (value['type'] !== 'named-event' || has(value, 'name')) &&
        (value['type'] !== 'periodic' || hasAny(value, 'timing')) &&
        (!startsWithData(value['type']) || has(value, 'data')),
      hint: 'a named-event needs a name, a periodic one a timing, one of data its data',
    },
  ],
  'Timing.repeat': [
    { key: 'tim-1', holds: (value) => needs(value, 'duration', 'durationUnit'), hint: 'a duration needs a durationUnit' },
    { key: 'tim-2', holds: (value) => needs(value, 'period', 'periodUnit'), hint: 'a period needs a periodUnit' },
    { key: 'tim-4', holds: (value) => !isNegative(value['duration']), hint: 'a duration is not negative' },
    { key: 'tim-5', holds: (value) => !isNegative(value['period']), hint: 'a period is not negative' },
    { key: 'tim-6', holds: (value) => needs(value, 'periodMax', 'period'), hint: 'a periodMax needs a period' },
    { key: 'tim-7', holds: (value) => needs(value, 'durationMax', 'duration'), hint: 'a durationMax needs a duration' },
    { key: 'tim-8', holds: (value) => needs(value, 'countMax', 'count'), hint: 'a countMax needs a count' },
    {
      key: 'tim-9',
      holds: (value) =>
        !has(value, 'offset') || (Array.isArray(value['when']) && !value['when'].some((when) => EVENTS_WITHOUT_OFFSET.has(when as string))),
      hint: 'an offset needs a when, other than C, CM, CD and CV',
    },
    { key: 'tim-10', holds: (value) => !has(value, 'timeOfDay') || !has(value, 'when'), hint: 'give either timeOfDay or when' },
  ],
};

/** The rules that need no FHIRPath any more. */
export const CHECKED_KEYS: ReadonlySet<string> = new Set([
  ...Object.values(DATATYPE_RULES).flatMap((rules) => rules.map(({ key }) => key)),
  'ele-1',
  'ref-1',
  'txt-1',
  'txt-2',
  'sqty-1',
  'dom-2',
  'dom-3',
  'dom-4',
  'dom-5',
]);
