import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { requireNow } from '../../../fhir/operation/definition-date.ts';

const NOW = Date.parse('2026-03-10T12:00:00Z');
const ask = (value: string): void => requireNow([{ name: 'date', value, resource: undefined, parts: [] }], NOW);

test('today and a client’s own now are taken', () => {
  for (const date of ['2026-03-10', '2026', '2026-03-10T12:00:00Z', '2026-03-10T11:58:00Z', '2026-03-11']) ask(date);
  requireNow([], NOW);
});

test('another day is refused, since definitions are known as they are now', () => {
  for (const date of ['2026-03-09', '2025', '2026-03-10T11:00:00Z', '2026-03-12']) assert.throws(() => ask(date), /as they are now/);
  assert.throws(() => ask('soon'), /is no date/);
});

test.run();
