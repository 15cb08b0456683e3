import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { FhirError } from '../../../fhir/http/outcome.ts';
import { readDefinition } from '../../../fhir/search-parameter/definition.ts';
import { normalPath } from '../../../fhir/search-parameter/normal-path.ts';
import { createExtractor } from '../../../fhir/search/extract.ts';
import { createExtendedPlan, createIndexPlan, indexKeys, unitKeys } from '../../../fhir/search/index-plan.ts';
import { keysOf } from '../../../fhir/search-parameter/search-plan.ts';

const registry = loadRegistry();
const read = (given: object): ReturnType<typeof readDefinition> =>
  readDefinition(
    {
      resourceType: 'SearchParameter',
      url: 'http://example.org/x',
      status: 'active',
      code: 'x',
      base: ['Patient'],
      type: 'token',
      ...given,
    },
    { registry, baseUrl: 'https://example.org/fhir', others: [] },
  );
const refusal = (given: object): string => {
  try {
    read(given);
  } catch (error) {
    assert.instance(error, FhirError);
    assert.is((error as FhirError).status, 422);
    return (error as FhirError).message;
  }
  throw new Error('it was taken');
};

const PATHS: readonly [written: string, normal: string][] = [
  ['Patient.name', 'Patient.name'],
  ["Patient.extension('http://a.b/c').value", "Patient.extension.where(url='http://a.b/c').value"],
  ["Patient.telecom.where( system = 'phone' and use='home' )", "Patient.telecom.where(system='phone' and use='home')"],
  ["Patient.extension.where(url = 'http://a.b').value as code", "Patient.extension.where(url='http://a.b').value.ofType(code)"],
  ["Condition.extension.where(url = 'http://a.b').valueDateTime", "Condition.extension.where(url='http://a.b').value.ofType(dateTime)"],
  ["Patient.extension('http://a.b').valueCodeableConcept", "Patient.extension.where(url='http://a.b').value.ofType(CodeableConcept)"],
  ["Patient.extension('http://a.b')", "Patient.extension.where(url='http://a.b').value"],
  [
    "Patient.extension('a').extension('b') | extension('c')",
    "Patient.extension.where(url='a').extension.where(url='b').value | extension.where(url='c').value",
  ],
  ["Patient.extension('http://a.b').value.as(DateTime)", "Patient.extension.where(url='http://a.b').value.ofType(dateTime)"],
  ['ElementDefinition.binding.valueSet', 'ElementDefinition.binding.valueSet'],
  ['(Observation.value as Quantity).code', 'Observation.value.ofType(Quantity).code'],
  ['(Observation.value as CodeableConcept)', 'Observation.value.ofType(CodeableConcept)'],
  ['Observation.value.as(FHIR.Quantity)', 'Observation.value.ofType(Quantity)'],
  ['Patient.a|(Patient.b)', 'Patient.a | Patient.b'],
];
for (const [written, normal] of PATHS) test(`${written} is ${normal}`, () => assert.is(normalPath(written), normal));

test('drafts and those of the specification mean nothing, all of them', () => {
  assert.is(read({ status: 'draft', type: 'special' }), undefined);
  for (const type of registry.resourceTypes)
    for (const { url, code } of registry.searchParameters(type)) {
      if (registry.searchParameter(type, code)?.url === url) assert.is(read({ url, code, base: [type], type: 'special' }), undefined, url);
    }
});

test('extensions within extensions are compiled in no time', () => {
  const startedAt = performance.now();
  assert.match(refusal({ expression: `Patient${'.extension.value'.repeat(100)}.nose` }), /isn't understood|finds nothing/);
  assert.ok(performance.now() - startedAt < 2000);
});

test('what is accepted can be indexed by, whatever other types have', () => {
  const baseUrl = 'https://example.org/fhir';
  for (const given of [{ expression: 'gender' }, { base: ['Patient', 'Person'], expression: 'Patient.gender | Person.gender' }]) {
    const definition = read(given);
    const keys = keysOf({ ...definition!, generation: 3, pending: undefined }, registry, baseUrl);
    assert.equal(keys.filter((key) => !key.includes('#')).length, given.base?.length ?? 1);
  }
});

test('whatever is accepted can be extracted by: it has each index key that its values need', () => {
  const baseUrl = 'https://example.org/fhir';
  const standard = createIndexPlan(registry, baseUrl);
  let taken = 0;
  for (const base of ['Patient', 'Bundle'])
    for (const { expression } of registry.searchParameters(base))
      for (const written of [expression, `${expression.split(' | ')[0]!}.extension('http://a.b')`])
        for (const type of ['string', 'token', 'date', 'number', 'quantity', 'reference', 'uri']) {
          let definition;
          try {
            definition = read({ base: [base], type, expression: written });
          } catch {
            continue;
          }
          const added = { ...definition!, generation: 1, pending: undefined };
          const keys = new Set([
            ...indexKeys(registry, () => standard('Basic')),
            ...unitKeys(standard(base)),
            ...keysOf(added, registry, baseUrl),
          ]);
          const keyId = (key: string): number => {
            assert.ok(keys.has(key), `${type} ${written}: ${key}`);
            return 1;
          };
          const planOf = createExtendedPlan({ registry, baseUrl, standard }, [added]);
          createExtractor(planOf, keyId, { typeIdOf: () => undefined }).extract(base, 'x', { resourceType: base });
          taken++;
        }
  assert.ok(taken > 100, String(taken));
});

test('an extension is indexed by its value, of every type that the parameter holds', () => {
  for (const type of ['token', 'string', 'date', 'number', 'quantity', 'reference', 'uri'])
    assert.ok(read({ type, expression: "Patient.extension('http://a.b')" }) !== undefined, type);
});

test('the resources of a Bundle are told apart by their type', () => {
  assert.ok(read({ base: ['Bundle'], expression: 'Bundle.entry.resource.as(MessageHeader).id' }) !== undefined);
  assert.match(refusal({ base: ['Bundle'], expression: 'Bundle.entry.resource.as(MessageHeader).nose' }), /finds nothing/);
});

test('a condition is on elements that what it narrows has', () => {
  for (const expression of [
    "Patient.telecom.where(system='phone' and use='home').value",
    "Patient.extension('http://a.b').value.as(Coding).where(system='http://c.d')",
    "Patient.extension('http://a.b').value.where(system='http://c.d')",
  ])
    assert.ok(read({ expression }) !== undefined, expression);
  for (const expression of [
    "Patient.telecom.where(sytem='phone')",
    "Patient.gender.where(code='male')",
    "Patient.name.where(use='official').where(nose='x').family",
  ])
    assert.match(refusal({ expression, type: 'string' }), /has no element (sytem|code|nose)/, expression);
});

test('what one of the types of an abstract base has not is refused', () => {
  assert.match(refusal({ base: ['Resource'], expression: 'name' }), /isn't understood for Resource/);
  assert.ok(read({ base: ['Resource'], expression: 'Resource.meta.tag.display', type: 'string' }) !== undefined);
});

test.run();
