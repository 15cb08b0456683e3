import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { createExtractor } from '../../../fhir/search/extract.ts';
import { createAddedPlan, createExtendedPlan, createIndexPlan, indexKeys } from '../../../fhir/search/index-plan.ts';

const registry = loadRegistry();
const planOf = createIndexPlan(registry, 'https://example.org/fhir');

/** Parameters of the specification that aren't indexed, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  _id: 'answered from a column of fhir.resource',
  _lastUpdated: 'answered from a column of fhir.resource',
  _query: 'names a query that a server defines, and this one defines none',
};

test('every search parameter of R4 is indexed for each of its types, but for those named here', () => {
  const seen = new Set<string>();
  const missing: string[] = [];
  for (const type of registry.resourceTypes) {
    const { parameters } = planOf(type);
    for (const { code, url, expression } of registry.searchParameters(type)) {
      seen.add(url);
      const indexed = parameters.get(code);
      if (code in ELSEWHERE) assert.is(indexed, undefined, code);
      else if (indexed === undefined) missing.push(`${type}.${code}: ${expression}`);
      else assert.ok(indexed.datatypes.length > 0, `${type}.${code} finds no datatype that it can index`);
    }
  }
  assert.equal(missing, []);
  assert.ok(seen.size > 1370, String(seen.size));
});

test('types that no added parameter is for keep the very plan that they have', () => {
  const parameter = { code: 'x', type: 'token' as const, url: 'http://example.org/x', expression: 'Patient.gender', targets: [] };
  const extended = createExtendedPlan({ registry, baseUrl: 'https://example.org/fhir', standard: planOf }, [
    { parameter, bases: ['Patient'], generation: 7 },
  ]);
  for (const type of registry.resourceTypes) assert.is(extended(type) === planOf(type), type !== 'Patient', type);
  assert.equal(extended('Patient').parameters.get('x')!.keys, ['token:{7}Patient.gender']);
  assert.is(extended('Patient').units.length, planOf('Patient').units.length + 1);
});

test('what says the same of every type is compiled once, for those that have it', () => {
  const expression = 'Resource.meta.tag | DomainResource.text.status';
  const parameter = { code: 'x', type: 'token' as const, url: 'http://example.org/x', expression, targets: [] };
  const added = createAddedPlan({ registry, baseUrl: 'https://example.org/fhir' }, { parameter, bases: ['Resource'], generation: 7 });
  const tags = 'token:{7}Resource.meta.tag';
  assert.equal(added('Binary').parameters.get('x')!.keys, [tags]);
  assert.equal(added('Patient').parameters.get('x')!.keys, [tags, 'token:{7}DomainResource.text.status']);
  const others = registry.resourceTypes.filter((type) => !['Binary', 'Bundle', 'Parameters'].includes(type));
  for (const type of others) assert.is(added(type) === added('Patient'), true, type);
});

test('index keys are distinct, in a fixed order, and fit into two bytes', () => {
  const keys = indexKeys(registry, planOf);
  assert.equal(keys, [...new Set(keys)].sort());
  assert.ok(keys.length < 32_767);
});

const extractor = (): ReturnType<typeof createExtractor> => {
  const keys = indexKeys(registry, planOf);
  const ids = new Map(keys.map((key, i) => [key, i + 1]));
  return createExtractor(planOf, (key) => ids.get(key)!, { typeIdOf: registry.typeId });
};

test('extracts the same rows from the same resource, whoever extracts', () => {
  const resource = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4', display: 'Heart rate' }], text: 'Puls' },
    subject: { reference: 'Patient/1', identifier: { system: 'urn:mrn', value: 'x' } },
    valueQuantity: { value: 72, unit: 'beats', system: 'http://unitsofmeasure.org', code: '/min' },
  };
  const rows = extractor().extract('Observation', 'o1', resource);
  assert.equal(extractor().extract('Observation', 'o1', JSON.parse(JSON.stringify(resource))), rows);
  assert.equal(
    rows.ref.map(([, target]) => target),
    ['Observation/o1', 'Patient/1', 'Patient/1'],
  );
  assert.equal(rows.text.map(([, value]) => value).sort(), ['heart rate', 'puls']);
  // As written, by its unit's display, and in the canonical unit.
  assert.equal(
    rows.quantity.map(([, , , lo]) => lo),
    [72, 72, 1.2],
  );
});

test.run();
