import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { createIndexPlan } from '../../../fhir/search/index-plan.ts';
import { date } from '../../../fhir/search/parameter/date.ts';
import { createSearch } from '../../../fhir/search/search.ts';
import { createTerminology } from '../../../fhir/terminology/terminology.ts';

const baseUrl = 'https://example.org/fhir';
const registry = loadRegistry();
const planOf = createIndexPlan(registry, baseUrl);
const terminology = createTerminology({
  packages: [],
  findStored: () => Promise.resolve(undefined),
  findNaming: () => Promise.resolve([]),
});
const search = createSearch({ registry, planOf, keyId: () => 1, baseUrl, terminology });
const check = (type: string, criteria: string): void => search.check(type, criteria, () => true);

test('a search compares with no more values than a statement takes', () => {
  const codes = Array.from({ length: 500 }, (_, i) => `s|c${i}`).join(',');
  check('Observation', `code=${codes}`);
  assert.throws(() => check('Observation', Array.from({ length: 90 }, () => `code=${codes}`).join('&')), /20000 values at most/);
  // Each step through a canonical address is looked for in two ways.
  const chain = `${'derived-from:ActivityDefinition.'.repeat(7)}topic=${codes}`;
  assert.throws(() => check('ActivityDefinition', chain), /20000 values at most/);
});

test('a timing of more events than a call takes arguments is indexed', () => {
  const event = Array.from({ length: 300_000 }, (_, i) => `20${String(10 + (i % 10))}-01-01`);
  const rows: (readonly (string | number | null)[])[] = [];
  date.extract(
    { event },
    'Timing',
    (...columns) => rows.push(columns),
    () => undefined,
  );
  assert.equal(rows, [[Date.parse('2010-01-01'), Date.parse('2019-01-02')]]);
});

test.run();
