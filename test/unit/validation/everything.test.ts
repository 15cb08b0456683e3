import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import type { Json } from '../../../fhir/json/value.ts';
import { coreSource, firstOf, resourceSource } from '../../../fhir/terminology/sources.ts';
import { createResourceValidator } from '../../../fhir/validation/resource-validator.ts';

const SUPPLEMENT = 'http://example.org/supplement';
const terminology = firstOf(resourceSource([{ resourceType: 'CodeSystem', url: SUPPLEMENT, content: 'supplement' }]), coreSource());
const later = {
  resourceType: 'StructureDefinition',
  url: 'http://example.org/later',
  type: 'Extension',
  context: [{ type: 'element', expression: 'CanonicalResource' }],
  differential: { element: [{ path: 'Extension' }] },
};
const validator = createResourceValidator({
  registry: loadRegistry(),
  terminology,
  profiles: [{ url: later.url, resource: () => later }],
  onWrite: 'structure',
});
/** What $validate says besides that there is no narrative. */
const told = (resource: Json): string[] =>
  validator
    .everything(resource, String(resource['resourceType']))
    .filter(({ diagnostics }) => !diagnostics.includes('(dom-6)'))
    .map(({ severity, diagnostics }) => `${severity} ${diagnostics}`);

const patient = (more: object): Json => ({ resourceType: 'Patient', ...more });
const observation = (more: object): Json => ({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, ...more });
const questionnaire = (item: object): Json => ({ resourceType: 'Questionnaire', status: 'active', item: [{ linkId: '1', ...item }] });
const marital = (coding: object): Json =>
  patient({ maritalStatus: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-MaritalStatus', ...coding }] } });
const nutrition = (more: object): Json => ({
  resourceType: 'NutritionOrder',
  status: 'active',
  intent: 'order',
  dateTime: '2024',
  patient: { reference: 'Patient/1' },
  oralDiet: { instruction: 'x' },
  ...more,
});
const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
const extension = (name: string, value: object): object => ({ url: HL7 + name, ...value });
const data = Buffer.from('four').toString('base64');
const hash = createHash('sha1').update('four').digest('base64');
const image = (attachment: object): Json => patient({ photo: [{ contentType: 'image/png', data, ...attachment }] });
const quantity = (code: string): Json => observation({ valueQuantity: { value: 1, system: 'http://unitsofmeasure.org', code } });
const uri = (value: string): Json => patient({ identifier: [{ system: 'urn:ietf:rfc:3986', value }] });
const valueSet = (more: object): Json => ({ resourceType: 'ValueSet', status: 'draft', name: 'X', ...more });

const UUID = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';
const entry = (
  resource: Json,
  fullUrl: string | undefined = `http://a.b/${String(resource['resourceType'])}/${String(resource['id'])}`,
): object => ({
  ...(fullUrl !== '' && { fullUrl }),
  resource,
});
const bundle = (type: string, ...entries: object[]): Json => ({ resourceType: 'Bundle', type, entry: entries });
const composition = (author: string): Json => ({
  resourceType: 'Composition',
  id: 'c',
  status: 'final',
  type: { text: 'x' },
  date: '2024-01-31',
  title: 'x',
  author: [{ reference: author }],
});
const letter = (...entries: object[]): Json => ({
  ...bundle('document', ...entries),
  identifier: { system: 'urn:x', value: '1' },
  timestamp: '2024-01-31T00:00:00Z',
});
const anna = patient({ id: 'anna' });
const page = (...relations: string[]): Json => ({
  resourceType: 'Bundle',
  type: 'searchset',
  link: relations.map((relation) => ({ relation, url: 'http://a.b' })),
});

const RIGHT: Readonly<Record<string, Json>> = {
  'a code with its display': marital({ code: 'M', display: 'married' }),
  'a code of a system that is not loaded': observation({ code: { coding: [{ system: 'http://loinc.org', code: 'x', display: 'y' }] } }),
  'an extension on the element that it is for': patient({
    name: [{ family: 'x', _family: { extension: [extension('humanname-mothers-family', { valueString: 'y' })] } }],
  }),
  'an extension for a datatype': observation({
    code: { coding: [{ code: 'x', extension: [extension('iso21090-preferred', { valueBoolean: true })] }] },
    interpretation: [{ text: 'x', extension: [extension('data-absent-reason', { valueCode: 'unknown' })] }],
  }),
  'an extension where its own rule holds': questionnaire({
    type: 'integer',
    extension: [extension('questionnaire-unit', { valueCoding: { code: 'kg', system: 'http://unitsofmeasure.org' } })],
  }),
  'an extension of a later type of resources': patient({ extension: [{ url: 'http://example.org/later', valueString: 'x' }] }),
  'an extension made of its parts': patient({
    extension: [extension('patient-nationality', { extension: [{ url: 'code', valueCodeableConcept: { text: 'x' } }] })],
  }),
  'a modifier extension of R4': nutrition({ modifierExtension: [extension('request-doNotPerform', { valueBoolean: true })] }),
  'data of the size and hash that is said': image({ size: 4, hash }),
  'a unit of UCUM': quantity('mg/dL'),
  'a URI as identifier': uri('urn:oid:1.2.3'),
  'the same id in two resources': bundle('collection', ...['1', '2'].map((id) => entry(patient({ id, name: [{ id: 'a', family: 'x' }] })))),
  'a document with what it refers to': letter(entry(composition('Patient/anna')), entry(anna)),
  'a document that refers by urn:uuid': letter(
    entry(composition(UUID), 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e1'),
    entry(patient({}), UUID),
  ),
  'a fullUrl that is no address of FHIR': bundle('collection', entry(anna, 'http://a.b/5')),
  'what is said of a search': bundle('searchset', entry(anna), {
    resource: { resourceType: 'OperationOutcome', issue: [{ severity: 'warning', code: 'not-supported' }] },
    search: { mode: 'outcome' },
  }),
  'a transaction that names nothing': {
    ...bundle('transaction'),
    entry: [{ resource: patient({}), request: { method: 'POST', url: 'Patient' } }],
  },
};
for (const [name, resource] of Object.entries(RIGHT)) test(`nothing is said of ${name}`, () => assert.equal(told(resource), []));

const WRONG: Readonly<Record<string, readonly [Json, ...RegExp[]]>> = {
  'a code that its system lacks': [
    observation({ code: { coding: [{ system: 'http://hl7.org/fhir/administrative-gender', code: 'm' }] } }),
    /^error Observation\.code\.coding\[0\]\.code: "m" is no code/,
  ],
  'a code that its system may have got since': [
    marital({ code: 'Q' }),
    /^warning Patient\.maritalStatus: .* is not in .*marital-status/,
    /^warning Patient\.maritalStatus\.coding\[0\]\.code: "Q" is no code/,
  ],
  'another display than the system has': [marital({ code: 'M', display: 'Single' }), /^warning .*"M" is called "Married"/],
  'a code outside of an extensible binding': [
    patient({ maritalStatus: { coding: [{ system: 'urn:x', code: 'y' }] } }),
    /^warning Patient\.maritalStatus: "urn:x\|y" is not in .*marital-status/,
  ],
  'a relative system': [
    observation({ code: { coding: [{ system: 'loinc', code: 'x' }] } }),
    /^error Observation\.code\.coding\[0\]\.system/,
  ],
  'a supplement for a code system': [
    observation({ code: { coding: [{ system: SUPPLEMENT, code: 'x' }] } }),
    /^error Observation\.code\.coding\[0\]\.system: .*is a supplement/,
  ],
  'a value set for a code system': [
    observation({ code: { coding: [{ system: 'http://hl7.org/fhir/ValueSet/languages', code: 'x' }] } }),
    /^error .*is a value set/,
  ],
  'an extension on another element': [
    patient({ name: [{ family: 'x', extension: [extension('humanname-mothers-family', { valueString: 'y' })] }] }),
    /^error Patient\.name\[0\]\.extension\[0\]: .*isn't defined for this element: it is for HumanName\.family/,
  ],
  'an extension on another type': [
    observation({ extension: [extension('patient-birthPlace', { valueAddress: { city: 'x' } })] }),
    /^error Observation\.extension\[0\]: .*it is for Patient/,
  ],
  'an extension where its own rule is broken': [
    questionnaire({ type: 'string', extension: [extension('questionnaire-referenceResource', { valueCode: 'Patient' })] }),
    /^error Questionnaire\.item\[0\]\.extension\[0\]: .*may stand only where type='reference'/,
  ],
  'a part that an extension has not': [
    patient({ extension: [extension('patient-nationality', { extension: [{ url: 'nation', valueString: 'x' }] })] }),
    /^error Patient\.extension\[0\]\.extension\[0\]\.url: .*patient-nationality has no part "nation"/,
  ],
  'an extension with a relative url': [
    patient({ extension: [{ url: 'x', valueString: 'y' }] }),
    /^error Patient\.extension\[0\]\.url: "x" should/,
  ],
  'an extension as modifier': [
    patient({ modifierExtension: [extension('patient-birthPlace', { valueAddress: { city: 'x' } })] }),
    /^error Patient\.modifierExtension\[0\]: .*put it into extension/,
  ],
  'a modifier as extension': [
    nutrition({ extension: [extension('request-doNotPerform', { valueBoolean: true })] }),
    /^error NutritionOrder\.extension\[0\]: .*put it into modifierExtension/,
  ],
  'a modifier extension that is not known': [
    patient({ modifierExtension: [{ url: 'http://a.b/x', valueBoolean: true }] }),
    /^warning .*not known/,
  ],
  'data of another size': [image({ size: 5 }), /^error Patient\.photo\[0\]\.size: the data has 4 bytes, not 5/],
  'data with another hash': [image({ hash: data }), /^error Patient\.photo\[0\]\.hash/],
  'a code that is no unit': [quantity('foo'), /^warning Observation\.valueQuantity\.code: "foo" is no unit of UCUM/],
  'an identifier that is no whole URI': [uri('1.2.3'), /^error Patient\.identifier\[0\]\.value: "1\.2\.3" should be a whole URI/],
  'an id twice in a resource': [
    patient({ name: [{ id: 'a', family: 'x' }], _birthDate: { id: 'a' }, birthDate: '1970' }),
    /^error Patient\._birthDate\.id: another element has the id "a"/,
  ],
  'a relative url of a definition': [valueSet({ url: 'ValueSet/1' }), /^error ValueSet\.url: "ValueSet\/1" should be an absolute URI/],
  'a relative system of a value set': [
    valueSet({ compose: { include: [{ system: '#c' }] } }),
    /^error ValueSet\.compose\.include\[0\]\.system: "#c" should be an absolute URI/,
  ],
  'a relative canonical reference': [
    { resourceType: 'QuestionnaireResponse', status: 'completed', questionnaire: 'Questionnaire/1' },
    /^warning QuestionnaireResponse\.questionnaire/,
  ],
  'two conditions without enableBehavior': [
    questionnaire({
      type: 'string',
      enableWhen: [1, 2].map(() => ({ question: '2', operator: 'exists', answerBoolean: true })),
    }),
    /^error Questionnaire\.item\[0\]: .*\(que-12\)/,
  ],
  'a fullUrl of another resource': [
    bundle('collection', entry(anna, 'http://a.b/Patient/bob')),
    /^error Bundle\.entry\[0\]\.fullUrl: .*\/Patient\/anna/,
  ],
  'a relative fullUrl': [bundle('collection', entry(anna, 'Patient/anna')), /^error Bundle\.entry\[0\]\.fullUrl: .*absolute/],
  'no fullUrl': [bundle('searchset', entry(anna, '')), /^error Bundle\.entry\[0\]\.fullUrl: .*add it/],
  'no fullUrl in a collection': [bundle('collection', entry(anna, '')), /^warning Bundle\.entry\[0\]\.fullUrl/],
  'a match without an id': [bundle('searchset', entry(patient({}), UUID)), /^error Bundle\.entry\[0\]\.resource\.id: what a search finds/],
  'an outcome that is none': [
    bundle('searchset', { ...entry(anna), search: { mode: 'outcome' } }),
    /^error Bundle\.entry\[0\]\.search\.mode: .*not a Patient/,
  ],
  'a link twice': [page('self', 'next', 'self'), /^error Bundle\.link\[2\]: there is a link self already/],
  'a document without what it refers to': [
    letter(entry(composition('Patient/bob')), entry(anna)),
    /^error Bundle\.entry\[0\]\.resource: "Patient\/bob" is no entry/,
  ],
};
for (const [name, [resource, ...says]] of Object.entries(WRONG)) {
  test(`$validate tells of ${name}`, () => {
    const found = told(resource);
    assert.is(found.length, says.length, found.join('\n'));
    for (const [i, each] of says.entries()) assert.match(found[i]!, each);
  });
}

test('a write is not refused for what $validate alone tells of', () => {
  for (const [resource] of Object.values(WRONG)) {
    const type = String(resource['resourceType']);
    assert.equal([...validator.validate(resource, type), ...validator.rules(resource, type)], []);
  }
});

test.run();
