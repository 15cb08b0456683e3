import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { date, dateInterval } from '../../../fhir/search/parameter/date.ts';

/** Whether a stored value matches, by the SQL that the parameter compiles to. */
const matches = (asked: string, stored: unknown, fhirType: string): boolean => {
  const values: number[] = [];
  const context = { name: 'date', modifier: undefined, datatypes: [], targets: [], keys: () => 'true', baseUrl: '' };
  const [test_] = date.condition(asked, { ...context, value: (given) => `$${values.push(given as number)}` });
  let row: { lo: number; hi: number } | undefined;
  const add = (...columns: readonly (string | number | null)[]): void => void (row = { lo: Number(columns[0]), hi: Number(columns[1]) });
  date.extract(stored, fhirType, add, () => undefined);
  assert.ok(row, 'nothing was extracted');
  const negated = test_!.sql.startsWith('not (');
  const holds = test_!.sql
    .replace(/^not \((.*)\)$/, '$1')
    .split(' and ')
    .every((part) => {
      const [, column, operator, place] = /^t\.(lo|hi) (<=|>=|<|>) \$(\d+)::bigint$/.exec(part)!;
      const [left, right] = [row![column as 'lo'], values[Number(place) - 1]!];
      return operator === '<' ? left < right : operator === '>' ? left > right : operator === '<=' ? left <= right : left >= right;
    });
  return holds !== negated;
};

const OPEN = { start: '2013-01-21' };
const UNTIL = { end: '2013-03-01' };
const SPAN = { start: '2013-01-01', end: '2013-03-20' };

/** Prefix, stored value, whether it matches a search for 14 March 2013. Source: http://hl7.org/fhir/R4/search.html#date */
const TABLE: readonly (readonly [prefix: string, stored: string | object, expected: boolean])[] = [
  ['eq', '2013-03-14', true],
  ['eq', '2013-03-14T23:59:59Z', true],
  ['eq', '2013-03', false],
  ['eq', '2013-03-15T00:00:00Z', false],
  ['eq', SPAN, false],
  ['ne', '2013-03-14', false],
  ['ne', '2013-03-15', true],
  ['ne', OPEN, true],
  ['gt', '2013-03-14', false],
  ['gt', '2013-03-15T00:00:00Z', true],
  ['gt', OPEN, true],
  ['gt', SPAN, true],
  ['gt', UNTIL, false],
  ['lt', '2013-03-13', true],
  ['lt', '2013-03-14', false],
  ['lt', OPEN, true],
  ['lt', UNTIL, true],
  ['ge', '2013-03-14', true],
  ['ge', OPEN, true],
  ['ge', '2013-03-13', false],
  ['le', '2013-03-14', true],
  ['le', OPEN, true],
  ['le', '2013-03-15', false],
  ['sa', '2013-03-15', true],
  ['sa', '2013-03-14', false],
  ['sa', OPEN, false],
  ['sa', SPAN, false],
  ['eb', '2013-03-13', true],
  ['eb', UNTIL, true],
  ['eb', OPEN, false],
  ['eb', SPAN, false],
  ['ap', '2013-03-14', true],
  ['ap', '2013-04', true],
  ['ap', '1990', false],
];
for (const [prefix, stored, expected] of TABLE) {
  test(`${prefix}2013-03-14 ${expected ? 'matches' : "doesn't match"} ${JSON.stringify(stored)}`, () => {
    assert.is(matches(`${prefix}2013-03-14`, stored, typeof stored === 'string' ? 'dateTime' : 'Period'), expected);
  });
}

test('a Timing is from its first event to its last, and as long as its bounds', () => {
  const events = { event: ['2024-01-03', '2024-01-01'] };
  assert.ok(matches('lt2024-01-02', events, 'Timing'));
  assert.ok(matches('gt2024-01-02', events, 'Timing'));
  assert.not.ok(matches('gt2024-01-03', events, 'Timing'));
  assert.ok(matches('gt2030', { repeat: { boundsPeriod: { start: '2024' } } }, 'Timing'));
});

test('a zone counts, and a plus sign that came as a space is one', () => {
  assert.ok(matches('2024-01-01T00:30:00+02:00', '2023-12-31T22:30:00Z', 'dateTime'));
  assert.ok(matches('2024-01-01T00:30:00 02:00', '2023-12-31T22:30:00Z', 'dateTime'));
});

test('what is no date has no interval', () => {
  for (const text of [
    '',
    '2024-13',
    '2024-02-30',
    '2024-1-1',
    '24',
    '2024-01-01T25:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-02-30T10:00:00Z',
    '2023-02-29T10:00:00+02:00',
    '2024-04-31T00:00Z',
    '2024-01-01T10',
  ])
    assert.is(dateInterval(text), undefined, text);
});

test.run();
