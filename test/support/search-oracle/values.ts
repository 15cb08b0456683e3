/** Makers of values at the edges of what a search parameter can hold. Few of each, so that searches find several and miss several. */
import type { Dice } from './random.ts';

export const BASE = 'http://localhost/fhir';
export const UCUM = 'http://unitsofmeasure.org';
export type Json = Readonly<Record<string, unknown>>;

export const TEXTS: readonly string[] = [
  'Müller',
  'MULLER',
  'Mueller',
  'mull',
  'Strauß',
  'Strauss',
  'Łukasz',
  'Ångström',
  'Peter',
  'Pete',
  "O'Brien",
  'Smith, John',
  'de  la Cruz',
  'la Cruz',
  'Zoë',
  '李小龙',
  'a|b',
  'x$y',
  'back\\slash',
  '50%_off',
  'ﬁne',
  'e\u0301clair',
  'Παπαδόπουλος',
  'Μεσόγειος οδός',
  'Iğdır',
  '😀 Ende',
  'ﷺ',
  'ß'.repeat(45),
  'x'.repeat(80),
  'x'.repeat(81),
  'lang '.repeat(16).slice(0, 79) + 'e',
  'lang '.repeat(16).slice(0, 79) + 'end',
  'lang '.repeat(30) + 'end',
  'line\nbreak\ttab',
  `${'long '.repeat(15)}Köln end`,
];
const CODES: readonly string[] = ['a', 'A', 'b', 'c', 'a b', 'a|b', 'c,d', '1'];
const SYSTEMS: readonly (string | undefined)[] = [undefined, 'urn:s1', 'urn:s2', 'http://loinc.org'];
export const DATES: readonly string[] = [
  '2019',
  '2020',
  '2020-02',
  '2020-03',
  '2020-02-29',
  '2020-03-01',
  '2020-12-31',
  '2021-01-01',
  '1850',
  '9999-12-31',
];
const TIMES: readonly string[] = [
  '2020-02-29T23:30:00-05:00',
  '2020-03-01T04:30:00Z',
  '2020-03-01T04:30:15Z',
  '2020-03-01T04:30:15.250Z',
  '2020-03-01T06:30:15+02:00',
  '2020-12-31T23:59:59.999Z',
  '2021-01-01T00:00:00+14:00',
];
export const NUMBERS: readonly number[] = [
  0, 0.05, 0.2, 0.25, 0.5, 1, 1.5, 2, 5, 10, 37, 98.6, 100, 120, 1000, -1, -5.5, 1e-7, 123456.789, 1e19, 1e21, 99.5, 100.5,
];
export const UNITS: readonly string[] = [
  'mg',
  'g',
  'kg',
  'mm[Hg]',
  'Cel',
  '[degF]',
  'K',
  '/min',
  '%',
  'mL',
  'L',
  'min',
  'h',
  'd',
  'mg/dL',
  'g/L',
  '{beats}/min',
  '1',
  '[lb_av]',
  '[in_i]',
  'cm',
  'm',
  '10*3/uL',
  '10*9/L',
];
export const URIS: readonly string[] = [
  'http://example.org/a',
  'http://example.org/a/b',
  'http://example.org/a/b/c',
  'http://example.org/ab',
  'http://EXAMPLE.org/a',
  'http://example.org/a/',
  'urn:oid:1.2.3',
  'urn:oid:1.2.3.4',
];
const VERSIONS: readonly string[] = ['1', '1.0', '1.1', '2'];

/** Leaves out members that are undefined or empty, for FHIR knows no empty arrays. */
export const tidy = (given: Readonly<Record<string, unknown>>): Json =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)));

export interface Make {
  readonly text: () => string;
  readonly coding: () => Json;
  readonly concept: () => Json;
  readonly identifier: () => Json;
  readonly date: () => string;
  readonly dateTime: () => string;
  readonly instant: () => string;
  readonly period: () => Json;
  readonly timing: () => Json;
  readonly quantity: () => Json;
  /** A time: for Age and Duration. */
  readonly duration: () => Json;
  readonly range: () => Json;
  readonly name: () => Json;
  readonly address: () => Json;
  readonly contact: () => Json;
  readonly uri: () => string;
  readonly canonical: () => string;
  readonly reference: (...types: readonly string[]) => Json;
  readonly maybe: <T>(make: () => T, percent?: number) => T | undefined;
}

/** `count`: as many resources of each type are there, with the ids x0, x1, … */
export const createMake = ({ below, chance, pick, some }: Dice, count: number): Make => {
  const maybe = <T>(make: () => T, percent = 50): T | undefined => (chance(percent) ? make() : undefined);
  const text = (): string => pick(TEXTS);
  const coding = (): Json => {
    const made = tidy({ system: pick(SYSTEMS), code: maybe(() => pick(CODES), 90), display: maybe(text, 30) });
    return Object.keys(made).length > 0 ? made : { code: 'a' };
  };
  const concept = (): Json => {
    const codings = some(2, coding);
    if (chance(10) && codings.length > 0) codings.push(codings[0]!);
    return tidy({ coding: codings, text: codings.length === 0 ? text() : maybe(text, 30) });
  };
  const date = (): string => pick(DATES);
  const dateTime = (): string => pick(chance(50) ? DATES : TIMES);
  const identifier = (): Json => {
    const made = tidy({ type: maybe(concept, 40), system: pick(SYSTEMS), value: maybe(() => pick(chance(80) ? CODES : TEXTS), 90) });
    return Object.keys(made).length > 0 ? made : { value: 'b' };
  };
  const quantity = (): Json => {
    const unit = pick(UNITS);
    const value = maybe(() => pick(NUMBERS), 95);
    const comparator = maybe(() => pick(['<', '<=', '>=', '>']), value === undefined ? 0 : 15);
    switch (below(6)) {
      case 0:
        return tidy({ value: value ?? 1, comparator });
      case 1:
        return tidy({ value, comparator, unit });
      case 2:
        return tidy({ value, comparator, unit: 'Stück', system: 'urn:units', code: unit });
      default:
        return tidy({ value, comparator, unit: maybe(() => pick([unit, 'shown'])), system: UCUM, code: unit });
    }
  };
  const range = (): Json => {
    const [low, high] = [pick(NUMBERS), pick(NUMBERS)].sort((a, b) => a - b);
    const units = pick([{}, { unit: 'mg', system: UCUM, code: 'mg' }, { unit: 'd', system: UCUM, code: 'd' }]);
    const open = below(4);
    return tidy({ low: open === 0 ? undefined : { value: low, ...units }, high: open === 1 ? undefined : { value: high, ...units } });
  };
  const period = (): Json => {
    const pair = [pick([...DATES, ...TIMES]), pick([...DATES, ...TIMES])].sort((a, b) => Date.parse(a) - Date.parse(b));
    const open = below(4);
    return tidy({ start: open === 0 ? undefined : pair[0], end: open === 1 ? undefined : pair[1] });
  };
  const url = (): string => pick(URIS);
  return {
    maybe,
    text,
    coding,
    concept,
    identifier,
    date,
    dateTime,
    instant: () => pick(TIMES),
    period,
    quantity,
    range,
    duration: () => ({ value: pick(NUMBERS.filter((each) => each > 0)), system: UCUM, code: pick(['min', 'h', 'd']) }),
    timing: () => {
      const made = tidy({ event: some(2, dateTime), repeat: maybe(() => ({ boundsPeriod: period() })) });
      return Object.keys(made).length > 0 ? made : { code: { text: 'daily' } };
    },
    name: () => {
      const made = tidy({ family: maybe(text, 80), given: some(2, text), prefix: some(1, text), text: maybe(text, 20) });
      return Object.keys(made).length > 0 ? made : { use: 'official' };
    },
    address: () =>
      tidy({ use: pick(['home', 'work']), line: some(2, text), city: maybe(text), country: maybe(text), text: maybe(text, 20) }),
    contact: () =>
      tidy({ system: pick(['phone', 'email']), value: maybe(() => pick(['555', '556', 'a@b.org']), 90), use: pick(['home', 'work']) }),
    uri: url,
    canonical: () => `${url()}${chance(50) ? `|${pick(VERSIONS)}` : ''}`,
    reference: (...types) => {
      const type = pick(types);
      const local = `${type}/x${below(count + 1)}`;
      switch (below(12)) {
        case 0:
          return { reference: `${BASE}/${local}` };
        case 1:
          return { reference: `https://elsewhere.example.org/fhir/${local}` };
        case 2:
          return { reference: `${local}/_history/1` };
        case 3:
          return tidy({ identifier: identifier(), type: maybe(() => type) });
        case 4:
          return { display: text() };
        case 5:
          return { reference: 'urn:uuid:0d3c1b5e-6f0b-4c9e-8d4f-0123456789ab' };
        case 6:
          return { reference: local, identifier: identifier() };
        default:
          return { reference: local };
      }
    },
  };
};
