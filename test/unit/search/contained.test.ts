import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { containedText } from '../../../fhir/search/contained-text.ts';
import { containedType } from '../../../fhir/search/contained.ts';
import { createExtractor } from '../../../fhir/search/extract.ts';
import { createExtendedPlan, createIndexPlan, indexKeys, unitKeys } from '../../../fhir/search/index-plan.ts';

const registry = loadRegistry();
const planOf = createIndexPlan(registry, 'https://example.org/fhir');
const ids = new Map(indexKeys(registry, planOf).map((key, i) => [key, i + 1]));
const typeIdOf = (type: string): number | undefined => (registry.isResourceType(type) ? registry.typeId(type) : undefined);
const extractor = createExtractor(planOf, (key) => ids.get(key)!, { typeIdOf });

test('contained resources have index keys of their own, for the same parameters', () => {
  const others = new Set(registry.resourceTypes.flatMap((type) => unitKeys(planOf(type))));
  for (const type of registry.resourceTypes) {
    const own = planOf(containedType(type));
    assert.equal([...own.parameters.keys()], [...planOf(type).parameters.keys()]);
    assert.ok(
      unitKeys(own).every((key) => ids.has(key) && !others.has(key)),
      type,
    );
  }
});

test('parameters that clients write are not of contained resources', () => {
  const parameter = { code: 'x', type: 'token' as const, url: 'http://example.org/x', expression: 'Patient.gender', targets: [] };
  const added = [{ parameter, bases: ['Patient'], generation: 7 }];
  const extended = createExtendedPlan({ registry, baseUrl: 'https://example.org/fhir', standard: planOf }, added);
  assert.is(extended(containedType('Patient')), planOf(containedType('Patient')));
});

const medication = (id: string): object => ({ resourceType: 'Medication', id, code: { coding: [{ code: 'c' }] } });
const extracted = (contained: unknown): number[] =>
  extractor
    .extractContained({ rid: 7, version: 1 }, { resourceType: 'List', contained })
    .map(({ rows }) => rows.contained[0]![2] as number);

test('what has no id or is no resource has no rows, and those after it keep their places', () => {
  assert.equal(extracted(undefined), []);
  assert.equal(extracted('x'), []);
  assert.equal(extracted([null, 1, 'x']), []);
  assert.equal(extracted([{ resourceType: 'Medication' }, { resourceType: 'Shoe', id: 'a' }, medication('b')]), [2]);
});

test('of one container 1024 are indexed', () => {
  assert.is(extracted(Array.from({ length: 1030 }, (_, i) => medication(`m${i}`))).length, 1024);
});

test('rows of a contained resource say nothing of its container, nor that it can be referred to', () => {
  const [found] = extractor.extractContained(
    { rid: 7, version: 3 },
    { resourceType: 'List', status: 'current', contained: [medication('m')] },
  );
  assert.equal(found!.rows.contained, [[7, 3, 0, 'm']]);
  assert.equal(found!.rows.ref, []);
  assert.equal(
    found!.rows.token.map(([key]) => key),
    [ids.get('#token:Medication.code')],
  );
});

test('a contained resource is cut out as it was written', () => {
  const body = '{"resourceType":"List", "contained" : [ {"id":"a"} , {"n": 1.10, "id":"b\\u0031"}]}';
  assert.equal(containedText(body, 1), { text: '{"n": 1.10, "id":"b\\u0031"}', id: 'b1' });
  assert.is(containedText(body, 2), undefined);
  assert.is(containedText('{"resourceType":"List"}', 0), undefined);
});

test.run();
