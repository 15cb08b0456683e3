import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_ROWS } from '../../../fhir/store/row-difference.ts';
import type { SearchRows } from '../../../fhir/store/search-table.ts';
import type { Write } from '../../../fhir/store/write-statement.ts';
import { writeStatement } from '../../../fhir/store/write-statement.ts';

const write = (rid: number, version: number, rows: Partial<SearchRows> = {}): Write => ({
  rid,
  typeId: 1,
  id: `a${rid}`,
  version,
  updated: '2026-01-01T00:00:00.000Z',
  body: '{}',
  added: { ...NO_ROWS, ...rows },
  removed: NO_ROWS,
  event: 'e',
});

test('has one text for one shape, whatever the values', () => {
  assert.is(writeStatement([write(1, 1)]).text, writeStatement([write(2, 1), write(3, 1)]).text);
});

test('writes rows in order of rid, so that statements lock in one order', () => {
  assert.is(writeStatement([write(9, 1), write(3, 1)]).parameters[0], '{3,9}');
});

test('names only the tables that get rows', () => {
  const { text } = writeStatement([write(1, 1, { token: [[1, 'final', null]] })]);
  assert.match(text, 'fhir.sp_token');
  assert.not.match(text, 'fhir.sp_string');
});

test('keeps the superseded version on update and only then', () => {
  assert.match(writeStatement([write(1, 2)]).text, 'fhir.resource_history');
  assert.not.match(writeStatement([write(1, 1)]).text, 'fhir.resource_history');
});

test.run();
