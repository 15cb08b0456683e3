import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  compactDefinitions,
  formatDefinitions,
  formatLines,
  readConceptMaps,
  readExtensible,
  readInvariants,
  readProfiles,
} from '../../../fhir/definitions/compact.ts';
import type { DefinitionData } from '../../../fhir/definitions/data-file.ts';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';

const registry = loadRegistry();

test('the committed definitions are what the source makes', () => {
  const committed = readFileSync(new URL('../../../fhir/definitions/data/r4.json', import.meta.url), 'utf8');
  const existing = (JSON.parse(committed) as DefinitionData).typeIds;
  assert.ok(formatDefinitions(compactDefinitions(existing)) === committed, 'run npm run definitions and commit the result');
});

test('the committed invariants are what the source makes', () => {
  const committed = readFileSync(new URL('../../../fhir/definitions/data/r4-invariants.json', import.meta.url), 'utf8');
  assert.ok(formatLines(readInvariants()) === committed, 'run npm run definitions and commit the result');
});

test('the committed profiles are what the source makes', () => {
  const committed = readFileSync(new URL('../../../fhir/definitions/data/r4-profiles.jsonl', import.meta.url), 'utf8');
  assert.ok(readProfiles() === committed, 'run npm run definitions and commit the result');
});

test('the committed extensible bindings are what the source makes', () => {
  const committed = readFileSync(new URL('../../../fhir/definitions/data/r4-extensible.json', import.meta.url), 'utf8');
  assert.ok(formatLines(readExtensible()) === committed, 'run npm run definitions and commit the result');
});

test('the committed concept maps are what the source makes', () => {
  const committed = readFileSync(new URL('../../../fhir/definitions/data/r4-concept-maps.jsonl', import.meta.url), 'utf8');
  assert.ok(readConceptMaps() === committed, 'run npm run definitions and commit the result');
});

test("what the source adds to R4 isn't served: elements, targets and search parameters", () => {
  const { types, searchParameters } = compactDefinitions({});
  assert.equal(Object.keys(types['Meta']!.elements!), ['versionId', 'lastUpdated', 'source', 'profile', 'security', 'tag']);
  assert.equal(types['Bundle.entry.response']!.elements!['outcome']!.type, ['Resource']);
  assert.equal(types['DetectedIssue']!.elements!['status']!.required, 'http://hl7.org/fhir/ValueSet/observation-status');
  assert.equal(types['MeasureReport']!.elements!['subject']!.targets!.includes('CareTeam'), false);
  for (const path of ['ResearchStudy.label', 'DeviceDefinition.classification']) assert.is(types[path], undefined, path);
  for (const key of ['DetectedIssue-status', 'ServiceRequest-order-detail']) assert.is(searchParameters[key], undefined, key);
});

test('a rebuild keeps existing type ids and appends new ones', () => {
  const { typeIds } = compactDefinitions({ Patient: 7, Observation: 3 });
  assert.is(typeIds['Patient'], 7);
  assert.is(typeIds['Observation'], 3);
  assert.is(typeIds['Account'], 8);
  assert.is(new Set(Object.values(typeIds)).size, Object.keys(typeIds).length);
});

test('has the 146 concrete resource types of R4 and no other', () => {
  assert.is(registry.resourceTypes.length, 146);
  assert.ok(registry.isResourceType('Patient'));
  for (const name of ['SubscriptionStatus', 'Resource', 'DomainResource', 'HumanName', 'constructor', 'Patient.contact', '']) {
    assert.not.ok(registry.isResourceType(name), name);
  }
});

test('type ids are small, distinct and as persisted', () => {
  const ids = registry.resourceTypes.map((name) => registry.typeId(name));
  assert.is(new Set(ids).size, 146);
  assert.ok(ids.every((id) => id >= 1 && id <= 255));
  assert.is(registry.typeId('Account'), 1);
  assert.is(registry.typeId('VisionPrescription'), 146);
  for (const name of registry.resourceTypes) assert.is(registry.typeName(registry.typeId(name)), name);
  assert.throws(() => registry.typeId('Nonsense'), /Nonsense is not an R4 resource type/);
  assert.throws(() => registry.typeName(200), /newer version/);
});

test('a type has inherited elements first, in the order of the specification', () => {
  const names = registry.type('Patient')?.elements.map(({ name }) => name);
  assert.equal(names?.slice(0, 10), [
    'id',
    'meta',
    'implicitRules',
    'language',
    'text',
    'contained',
    'extension',
    'modifierExtension',
    'identifier',
    'active',
  ]);
});

test('an element knows types, cardinality, choice, binding and targets', () => {
  const patient = registry.type('Patient')?.element;
  assert.is(patient?.get('id')?.types[0], 'id');
  assert.is(patient?.get('name')?.max, Infinity);
  assert.is(patient?.get('gender')?.binding, 'http://hl7.org/fhir/ValueSet/administrative-gender');
  assert.equal(patient?.get('deceased')?.types, ['boolean', 'dateTime']);
  assert.ok(patient?.get('deceased')?.isChoice);
  assert.equal(patient?.get('generalPractitioner')?.targets, ['Organization', 'Practitioner', 'PractitionerRole']);
  assert.equal(patient?.get('contact')?.types, ['Patient.contact']);
  assert.is(registry.type('Patient.contact')?.element.get('relationship')?.types[0], 'CodeableConcept');
  assert.is(registry.type('Observation')?.element.get('status')?.min, 1);
});

test('a content reference names the type whose content it repeats', () => {
  const element = registry.type('Questionnaire.item')?.element.get('item');
  assert.is(element?.contentReference, 'Questionnaire.item');
  assert.equal(element?.types, ['Questionnaire.item']);
});

test('every element type exists', () => {
  const seen = new Set<string>();
  const visit = (name: string): void => {
    if (seen.has(name)) return;
    seen.add(name);
    const definition = registry.type(name);
    assert.ok(definition, name);
    for (const element of definition.elements) {
      assert.ok(element.types.length > 0, `${name}.${element.name}`);
      element.types.forEach(visit);
    }
  };
  registry.resourceTypes.forEach(visit);
});

test('search parameters include those of every resource', () => {
  const codes = registry.searchParameters('Patient').map(({ code }) => code);
  for (const code of ['_id', '_lastUpdated', '_text', 'family', 'birthdate', 'general-practitioner']) assert.ok(codes.includes(code), code);
  assert.is(
    registry.searchParameters('Bundle').some(({ code }) => code === '_text'),
    false,
  );
  assert.is(registry.searchParameter('Observation', 'code')?.type, 'token');
  assert.is(registry.searchParameter('Observation', 'nonsense'), undefined);
  assert.is(registry.searchParameter('Patient', 'organization')?.targets[0], 'Organization');
});

test('the components of composite parameters resolve', () => {
  const all = registry.resourceTypes.flatMap((name) => registry.searchParameters(name)).filter(({ type }) => type === 'composite');
  assert.ok(all.length > 0);
  for (const { components = [], url } of all) {
    assert.ok(components.length >= 2, url);
    for (const { definition } of components) assert.ok(registry.searchParameterByUrl(definition), definition);
  }
});

test('every compartment parameter exists', () => {
  const missing: string[] = [];
  for (const compartment of ['Patient', 'Practitioner', 'RelatedPerson', 'Device', 'Encounter']) {
    for (const type of registry.resourceTypes) {
      for (const code of registry.compartment(compartment, type)) {
        if (!registry.searchParameter(type, code)) missing.push(`${compartment}: ${type}.${code}`);
      }
    }
  }
  assert.equal(missing, []);
  assert.equal(registry.compartment('Patient', 'Observation'), ['subject', 'performer']);
  assert.equal(registry.compartment('Patient', 'Organization'), []);
});

test('value sets of required bindings are expanded, and left open where they can not be', () => {
  const gender = registry.valueSet('http://hl7.org/fhir/ValueSet/administrative-gender');
  assert.equal([...(gender?.get('http://hl7.org/fhir/administrative-gender') ?? [])], ['female', 'male', 'other', 'unknown']);
  assert.is(registry.valueSet('http://hl7.org/fhir/ValueSet/mimetypes'), undefined);
});

test('loads in less than 100 ms', () => {
  const start = performance.now();
  loadRegistry().type('Patient');
  assert.ok(performance.now() - start < 100);
});

test.run();
