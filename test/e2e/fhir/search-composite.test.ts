import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, storeAll, type TestResource, testRefusals, testSearches } from '../../support/search.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const LOINC = 'http://loinc.org';
const UCUM = 'http://unitsofmeasure.org';
const concept = (code: string, system = LOINC): object => ({ coding: [{ system, code }] });
const quantity = (value: number, code: string, unit = code): object => ({ value, unit, system: UCUM, code });
const observation = (id: string, more: object): TestResource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: concept('85354-9'),
  ...more,
});
const pressure = (id: string, systolic: number, diastolic: number): TestResource =>
  observation(id, {
    component: [
      { code: concept('8480-6'), valueQuantity: quantity(systolic, 'mm[Hg]') },
      { code: concept('8462-4'), valueQuantity: quantity(diastolic, 'mm[Hg]') },
    ],
  });

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  await storeAll(stack, [
    pressure('bp1', 120, 80),
    pressure('bp2', 80, 120),
    observation('dose', { code: concept('dose'), valueQuantity: quantity(5.4, 'mg', 'milligram') }),
    observation('dose-g', { code: concept('dose'), valueQuantity: quantity(0.0054, 'g') }),
    observation('dose-text', { code: concept('dose'), valueQuantity: { value: 5.4, unit: 'mg' } }),
    observation('dose-high', { code: concept('dose'), valueQuantity: { ...quantity(5.4, 'mg'), comparator: '>' } }),
    observation('temp-c', { code: concept('8310-5'), valueQuantity: quantity(37, 'Cel') }),
    observation('temp-f', { code: concept('8310-5'), valueQuantity: quantity(98.6, '[degF]') }),
    observation('found', { code: concept('finding'), valueCodeableConcept: concept('yes', 'urn:answers') }),
    observation('said', { code: concept('words'), valueString: 'Große Freude' }),
    observation('when', { code: concept('menses'), valueDateTime: '2024-02-10' }),
    {
      resourceType: 'DocumentReference',
      id: 'doc',
      status: 'current',
      content: [{ attachment: { title: 'x' } }],
      relatesTo: [
        { code: 'replaces', target: { reference: 'DocumentReference/old' } },
        { code: 'appends', target: { reference: 'DocumentReference/other' } },
      ],
    },
    {
      resourceType: 'Group',
      id: 'group',
      type: 'person',
      actual: false,
      characteristic: [
        { code: concept('gender'), valueCodeableConcept: concept('female', 'urn:g'), exclude: false },
        { code: concept('smoker'), valueBoolean: true, exclude: false },
      ],
    },
    {
      resourceType: 'MolecularSequence',
      id: 'sequence',
      coordinateSystem: 0,
      referenceSeq: { chromosome: concept('chr1', 'urn:c'), windowStart: 10, windowEnd: 20 },
      variant: [
        { start: 12, end: 13 },
        { start: 15, end: 18 },
      ],
    },
    {
      resourceType: 'ValueSet',
      id: 'context',
      status: 'active',
      useContext: [
        { code: { system: 'urn:u', code: 'age' }, valueRange: { low: quantity(18, 'a'), high: quantity(30, 'a') } },
        { code: { system: 'urn:u', code: 'focus' }, valueCodeableConcept: concept('diabetes', 'urn:f') },
      ],
    },
  ]);
});
test.after(() => stack.stop());

testSearches(() => stack, {
  // The pair must be in one component: bp2 has the same codes and the same values, the other way round.
  '/Observation?component-code-value-quantity=http://loinc.org|8480-6$120': ['bp1'],
  '/Observation?component-code-value-quantity=8480-6$gt100': ['bp1'],
  '/Observation?component-code-value-quantity=8480-6$lt100': ['bp2'],
  '/Observation?component-code-value-quantity=8480-6$120||mm[Hg]': ['bp1'],
  '/Observation?component-code-value-quantity=8480-6$16|http://unitsofmeasure.org|kPa': ['bp1'],
  '/Observation?component-code-value-quantity=8480-6$80,8462-4$80': ['bp1', 'bp2'],
  '/Observation?component-code-value-quantity=8480-6$ge100&component-code-value-quantity=8462-4$lt90': ['bp1'],
  '/Observation?combo-code-value-quantity=8480-6$120': ['bp1'],
  '/Observation?combo-code-value-quantity=dose$0.0054|http://unitsofmeasure.org|g': ['dose', 'dose-g'],
  '/Observation?code-value-quantity=8480-6$120': [],
  '/Observation?code-value-quantity=http://loinc.org|dose$5.4|http://unitsofmeasure.org|mg': ['dose', 'dose-g'],
  '/Observation?code-value-quantity=dose$5.4||mg': ['dose', 'dose-g', 'dose-text'],
  '/Observation?code-value-quantity=dose$gt5.4||mg': ['dose-high'],
  '/Observation?code-value-concept=finding$urn:answers|yes': ['found'],
  '/Observation?code-value-concept=finding$no': [],
  '/Observation?code-value-string=words$grosse': ['said'],
  '/Observation?code-value-date=menses$2024-02': ['when'],
  '/Observation?code-value-date=menses$gt2024-02': [],
  '/Observation?code-value-date:missing=false': ['when'],
  '/DocumentReference?relationship=replaces$DocumentReference/old': ['doc'],
  '/DocumentReference?relationship=replaces$DocumentReference/other': [],
  '/Group?characteristic-value=gender$female': ['group'],
  '/Group?characteristic-value=smoker$true': ['group'],
  '/Group?characteristic-value=smoker$female': [],
  '/MolecularSequence?chromosome-variant-coordinate=urn:c|chr1$lt13$13': ['sequence'],
  '/MolecularSequence?chromosome-variant-coordinate=chr1$12$18': [],
  '/MolecularSequence?chromosome-window-coordinate=chr1$10$20': ['sequence'],
  '/ValueSet?context-type-quantity=age$gt20||a': ['context'],
  '/ValueSet?context-type-quantity=age$gt300||mo': ['context'],
  '/ValueSet?context-type-quantity=age$gt31||a': [],
  '/ValueSet?context-type-value=urn:u|focus$diabetes': ['context'],
  '/ValueSet?context-type-value=age$diabetes': [],
  // Units by themselves.
  '/Observation?value-quantity=5.4|http://unitsofmeasure.org|mg': ['dose', 'dose-g'],
  '/Observation?value-quantity=5400|http://unitsofmeasure.org|ug': ['dose', 'dose-g'],
  '/Observation?value-quantity=0.0054||g': ['dose', 'dose-g'],
  '/Observation?value-quantity=5.4||mg': ['dose', 'dose-g', 'dose-text'],
  '/Observation?value-quantity=5.4||milligram': ['dose'],
  '/Observation?value-quantity=5.4': ['dose', 'dose-text'],
  '/Observation?value-quantity=le0.0054||g': ['dose', 'dose-g', 'dose-high'],
  '/Observation?value-quantity=gt0.0054||g': ['dose-high'],
  '/Observation?value-quantity=37.0||Cel': ['temp-c', 'temp-f'],
  '/Observation?value-quantity=310.15||K': ['temp-c', 'temp-f'],
  '/Observation?value-quantity=ap36||Cel': ['temp-c', 'temp-f'],
  '/Observation?value-quantity=ap33||Cel': [],
  '/Observation?value-quantity=ap300||K': ['temp-c', 'temp-f'],
  '/Observation?value-quantity=5.4|urn:other|mg': [],
});

testRefusals(() => stack, {
  '/Observation?component-code-value-quantity=8480-6': { status: 400, says: /component-code\$component-value-quantity/ },
  '/Observation?component-code-value-quantity=8480-6$1$2': { status: 400, says: /component-code\$/ },
  '/Observation?component-code-value-quantity=8480-6$high': { status: 400, says: /is no number/ },
  '/Observation?_sort=component-code-value-quantity': { status: 400, says: /composite parameter has no order/ },
});

test('forgets the pairs of a value that changed', async () => {
  const put = (systolic: number): Promise<unknown> =>
    stack.request('/Observation/bp3', { method: 'PUT', body: pressure('bp3', systolic, 70) });
  const found = async (query: string): Promise<string[]> =>
    idsOf(await stack.request(`/Observation?component-code-value-quantity=${query}`));
  await put(201);
  assert.equal(await found('8480-6$201'), ['bp3']);
  await put(202);
  assert.equal(await found('8480-6$201'), []);
  assert.equal(await found('8480-6$202'), ['bp3']);
  await stack.request('/Observation/bp3', { method: 'DELETE' });
  assert.equal(await found('8480-6$202'), []);
});

test.run();
