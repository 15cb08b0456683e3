import { type Area, finds, refuses, tagged } from '../case.ts';

const AREA = 'search: composite';
const UCUM = 'http://unitsofmeasure.org';
const LOINC = 'http://loinc.org';
const code = (...codings: readonly (readonly [system: string, code: string])[]): object => ({
  coding: codings.map(([system, each]) => ({ system, code: each })),
});
const quantity = (value: number, unit: string): object => ({ value, unit, code: unit, system: UCUM });
const observation = (id: string, more: object): object => tagged(AREA, 'Observation', id, { status: 'final', ...more });
const q = (query: string, ...ids: readonly string[]): ReturnType<typeof finds> => finds(AREA, query, ids);

export const searchComposite: Area = {
  area: AREA,
  spec: 'http://hl7.org/fhir/R4/search.html#composite',
  given: [
    observation('sc-apgar', {
      code: code(['urn:sct', '443849008'], [LOINC, '9272-6']),
      valueQuantity: quantity(10, '{score}'),
      component: [
        { code: code(['urn:sct', '249227004']), valueCodeableConcept: code(['urn:la', 'LA6724-4'], ['urn:apgar', '2']) },
        { code: code(['urn:sct', '249223000']), valueCodeableConcept: code(['urn:la', 'LA6720-2']) },
      ],
    }),
    observation('sc-temp', { code: code([LOINC, '8310-5'], [LOINC, '8331-1']), valueQuantity: quantity(39, 'Cel') }),
    observation('sc-bp', {
      code: code([LOINC, '85354-9']),
      component: [
        { code: code([LOINC, '8480-6']), valueQuantity: quantity(107, 'mm[Hg]') },
        { code: code([LOINC, '8462-4']), valueQuantity: quantity(60, 'mm[Hg]') },
      ],
    }),
    observation('sc-eye', { code: code(['urn:sct', '162806009']), valueString: 'blue' }),
    observation('sc-date', { code: code(['urn:sct', 'date']), valueDateTime: '2020-05-01' }),
    tagged(AREA, 'Group', 'sc-group', {
      type: 'person',
      actual: true,
      characteristic: [
        { code: code(['urn:c', 'gender']), valueCodeableConcept: code(['urn:v', 'mixed']), exclude: false },
        { code: code(['urn:c', 'owner']), valueCodeableConcept: code(['urn:v', 'john']), exclude: false },
      ],
    }),
  ],
  cases: [
    q(`Observation?code-value-quantity=urn:sct|443849008$10|${UCUM}|{score}`, 'sc-apgar'),
    q(`Observation?code-value-quantity=443849008$10|${UCUM}|{score}`, 'sc-apgar'),
    q('Observation?code-value-quantity=urn:sct|443849008$10', 'sc-apgar'),
    q('Observation?code-value-quantity=urn:sct|443849008$10||{score}', 'sc-apgar'),
    q('Observation?code-value-quantity=urn:sct|443849008$lt10'),
    q('Observation?code-value-quantity=urn:sct|443849008$ge10', 'sc-apgar'),
    q('Observation?code-value-quantity=urn:sct|443849008$gt10'),
    q(`Observation?code-value-quantity=${LOINC}|8331-1$39|${UCUM}|Cel`, 'sc-temp'),
    q(`Observation?code-value-quantity=${LOINC}|8331-1$gt36.6,urn:sct|443849008$10`, 'sc-temp', 'sc-apgar'),
    q('Observation?code-value-quantity=urn:none|443849008$10'),
    q('Observation?combo-code-value-quantity=8480-6$107', 'sc-bp'),
    q('Observation?combo-code-value-quantity=8480-6$60'),
    q('Observation?combo-code-value-quantity=85354-9$107'),
    q(`Observation?component-code-value-quantity=${LOINC}|8462-4$lt70`, 'sc-bp'),
    q('Observation?code-value-string=urn:sct|162806009$blue', 'sc-eye'),
    q('Observation?code-value-string=162806009$red'),
    q('Observation?code-value-date=urn:sct|date$gt2020-04', 'sc-date'),
    q('Observation?code-value-date=urn:sct|date$lt2020-04'),
    q('Observation?combo-code-value-concept=urn:sct|249227004$urn:la|LA6724-4', 'sc-apgar'),
    q('Observation?combo-code-value-concept=urn:sct|249227004$urn:la|LA6720-2'),
    q('Observation?component-code-value-concept=urn:sct|249223000$LA6720-2', 'sc-apgar'),
    q('Group?characteristic-value=urn:c|gender$urn:v|mixed', 'sc-group'),
    q('Group?characteristic-value=urn:c|gender$urn:v|john'),
    q(`Observation?code=${LOINC}|8480-6`),
    q(`Observation?combo-code=${LOINC}|8480-6`, 'sc-bp'),
    q(`Observation?component-code=${LOINC}|8480-6`, 'sc-bp'),
    refuses('a composite with one part', 'GET /Observation?code-value-quantity=443849008', 400),
  ],
};
