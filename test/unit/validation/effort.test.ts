import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAX_ALIKE, MAX_ALL_VALUES, MAX_VALUES, requireAffordable } from '../../../fhir/validation/effort.ts';

const codeSystem = (values: number): Record<string, unknown> => ({
  resourceType: 'CodeSystem',
  // The resource, its type and the list are values too.
  concept: Array.from({ length: values - 3 }, (_, i) => `c${i}`),
});
const bundle = (count: number, values: number): Record<string, unknown> => ({
  resourceType: 'Bundle',
  entry: Array.from({ length: count }, () => ({ resource: codeSystem(values) })),
});
const refused = /too much to be checked by rules in FHIRPath/;

test('a resource may have so many values and no more', () => {
  requireAffordable(codeSystem(MAX_VALUES));
  assert.throws(() => requireAffordable(codeSystem(MAX_VALUES + 1)), refused);
});

test('what stands in an entry counts for itself, and all of them together too', () => {
  requireAffordable(bundle(2, MAX_VALUES - 10));
  assert.throws(() => requireAffordable(bundle(2, MAX_VALUES + 1)), /a CodeSystem with more than/);
  assert.throws(() => requireAffordable(bundle(MAX_ALL_VALUES / 1000, 1000)), /a Bundle with resources with more than/);
});

test('a resource may have so many elements of one name, wherever they stand, and no more', () => {
  const tree = (leaves: number): Record<string, unknown> => ({
    resourceType: 'CodeSystem',
    concept: [{ concept: Array.from({ length: leaves }, () => ({ code: 'c' })) }],
  });
  requireAffordable(tree(MAX_ALIKE - 1));
  assert.throws(() => requireAffordable(tree(MAX_ALIKE)), /more than 5000 elements concept/);
});

test('what is contained counts with its container', () => {
  const half = codeSystem(MAX_VALUES / 2);
  assert.throws(() => requireAffordable({ resourceType: 'ValueSet', contained: [half, half] }), refused);
});

test.run();
