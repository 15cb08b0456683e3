import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type FhirProcess, startFhirAlone } from '../../support/fhir-process.ts';

let fhir: FhirProcess;

const reference = (to: string): object => ({ reference: to });
const LOINC = 'http://loinc.org';
const USE = 'http://terminology.hl7.org/CodeSystem/list-example-codes';

interface Given {
  readonly resourceType: string;
  readonly id: string;
  readonly [member: string]: unknown;
}
const allergy = (id: string, patient = 'a'): Given => ({
  resourceType: 'AllergyIntolerance',
  id,
  patient: reference(`Patient/${patient}`),
  code: { text: id },
});
const condition = (id: string, patient = 'a'): Given => ({
  resourceType: 'Condition',
  id,
  subject: reference(`Patient/${patient}`),
  code: { text: id },
});
const statement = (id: string): Given => ({
  resourceType: 'MedicationStatement',
  id,
  status: 'active',
  subject: reference('Patient/a'),
  medicationCodeableConcept: { text: id },
});
const list = (id: string, [system, code]: readonly [string | undefined, string], items: readonly string[], more: object = {}): Given => ({
  resourceType: 'List',
  id,
  status: 'current',
  mode: 'working',
  subject: reference('Patient/a'),
  code: { coding: [{ ...(system !== undefined && { system }), code }] },
  ...(items.length > 0 && { entry: items.map((each) => ({ item: reference(each) })) }),
  ...more,
});
const GIVEN: readonly Given[] = [
  { resourceType: 'Patient', id: 'a' },
  { resourceType: 'Patient', id: 'b' },
  { resourceType: 'Patient', id: 'c' },
  ...['nuts', 'pollen', 'penicillin', 'gone'].map((id) => allergy(id)),
  allergy('bees', 'b'),
  condition('asthma'),
  condition('flu'),
  statement('aspirin'),
  statement('old'),
  // Superseded by a newer one, by its date; a date is newer than none.
  list('al-undated', [LOINC, '48765-2'], ['AllergyIntolerance/gone']),
  list('al-old', [LOINC, '18716-1'], ['AllergyIntolerance/gone'], { date: '2020-01-01' }),
  list('al', [LOINC, '52472-8'], ['AllergyIntolerance/nuts', 'AllergyIntolerance/pollen', 'AllergyIntolerance/penicillin'], {
    date: '2024-01-01',
  }),
  list('al-entered', [LOINC, '52472-8'], ['AllergyIntolerance/gone'], { date: '2025-01-01', status: 'entered-in-error' }),
  ...Array.from({ length: 25 }, (_, i) =>
    list(`al-snapshot-${i}`, [USE, 'allergies'], ['AllergyIntolerance/gone'], { date: '2026-01-01', mode: 'snapshot' }),
  ),
  list('drugs', [LOINC, '11382-9'], ['AllergyIntolerance/penicillin']),
  list('problems', [undefined, 'current-problems'], ['Condition/asthma']),
  list('medications', [USE, 'medications'], ['MedicationStatement/aspirin']),
  list('al-b', [USE, 'allergies'], ['AllergyIntolerance/bees'], { subject: reference('Patient/b') }),
  list('none-b', ['http://example.org', '$current-problems'], [], { subject: reference('Patient/b'), emptyReason: { text: 'nil known' } }),
];

test.before(async () => {
  fhir = await startFhirAlone();
  const entry = GIVEN.map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
  const stored = await fhir.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  assert.is(stored.status, 200, stored.text);
});
test.after(() => fhir.stop());

const idsOf = ({ json }: Answer, mode = 'match'): string[] =>
  (json.entry ?? [])
    .filter(({ search }: { search: { mode: string } }) => search.mode === mode)
    .map(({ resource }: { resource: { id: string } }) => resource.id);

const FOUND: Readonly<Record<string, readonly string[]>> = {
  '/AllergyIntolerance?patient=a&_list=$current-allergies': ['nuts', 'penicillin', 'pollen'],
  '/AllergyIntolerance?patient=Patient/a&_list=$current-allergies': ['nuts', 'penicillin', 'pollen'],
  '/AllergyIntolerance?patient=http://localhost/fhir/Patient/a&_list=$current-allergies': ['nuts', 'penicillin', 'pollen'],
  '/AllergyIntolerance?_list=$current-drug-allergies&patient=a': ['penicillin'],
  '/AllergyIntolerance?_list=$current-allergies&_list=$current-drug-allergies&patient=a': ['penicillin'],
  '/AllergyIntolerance?_list=$current-drug-allergies,al-old&patient=a': ['gone', 'penicillin'],
  '/AllergyIntolerance?patient=b&_list=$current-allergies': ['bees'],
  '/Patient/a/AllergyIntolerance?_list=$current-allergies': ['nuts', 'penicillin', 'pollen'],
  '/Condition?patient=a&_list=$current-problems': ['asthma'],
  '/Condition?subject=Patient/a&_list=$current-problems': ['asthma'],
  '/Condition?subject:Patient=a&_list=$current-problems': ['asthma'],
  '/Condition?patient=a&_list=$current-allergies': [],
  '/MedicationStatement?patient=a&_list=$current-medications': ['aspirin'],
  '/?_type=Condition,AllergyIntolerance&patient=a&_list=$current-problems': ['asthma'],
  // A List that says that there is nothing.
  '/Condition?patient=b&_list=$current-problems': [],
};
for (const [path, expected] of Object.entries(FOUND)) {
  test(`finds ${expected.join(', ') || 'nothing'} by ${path}, and warns of nothing`, async () => {
    const answer = await fhir.request(path);
    assert.is(answer.status, 200, answer.text);
    assert.equal(idsOf(answer).sort(), expected);
    assert.equal(idsOf(answer, 'outcome'), []);
    assert.is((await fhir.request(`${path}&_summary=count`)).json.total, expected.length);
  });
}

test('a patient without such a List has nothing on it, and the answer says that this says nothing', async () => {
  const answer = await fhir.request('/AllergyIntolerance?patient=c&_list=$current-allergies');
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.total, 0);
  assert.is(answer.json.entry.length, 1);
  assert.match(answer.json.entry[0].resource.issue[0].diagnostics, /no List is kept as \$current-allergies of Patient\/c/);
});

test('of two of the same date the one that was written last counts, and a list that isn’t current any more makes way', async () => {
  const put = async (resource: Given): Promise<void> => {
    const { status, text } = await fhir.request(`/List/${resource.id}`, { method: 'PUT', body: resource });
    assert.ok(status < 300, text);
  };
  const found = async (): Promise<string[]> => idsOf(await fhir.request('/Condition?patient=c&_list=$current-problems'));
  await fhir.request('/Condition/cc', { method: 'PUT', body: condition('cc', 'c') });
  const of = (id: string, items: readonly string[], more: object = {}): Given =>
    list(id, [LOINC, '46105-3'], items, { subject: reference('Patient/c'), date: '2024-05', ...more });
  await put(of('one', []));
  assert.equal(await found(), []);
  await put(of('two', ['Condition/cc']));
  assert.equal(await found(), ['cc']);
  await put(of('two', ['Condition/cc'], { status: 'retired' }));
  assert.equal(await found(), []);
});

const REFUSED: Readonly<Record<string, RegExp>> = {
  '/AllergyIntolerance?_list=$current-allergies': /is of one patient: name that in the same search, as in patient=Patient\/1/,
  '/AllergyIntolerance?patient=a,b&_list=$current-allergies': /is of one patient/,
  '/AllergyIntolerance?patient=a&patient=b&_list=$current-allergies': /is of one patient/,
  '/Condition?subject=Group/a&_list=$current-problems': /is of one patient/,
  '/Condition?patient.name=x&_list=$current-problems': /is of one patient/,
  '/Condition?patient=a&_list=$current-worries': /there are \$current-problems, \$current-medications/,
  '/Condition?patient=a&_list=a b': /or what it is for/,
  '/Condition?patient=a&patient._list=$current-problems': /functional lists are for searches of what they name/,
  '/Patient?_has:Condition:patient:_list=$current-problems': /functional lists are for searches of what they name/,
  '/Condition?_query=mine': /_query=mine: this server defines no named query/,
};
for (const [path, says] of Object.entries(REFUSED)) {
  test(`refuses ${path}`, async () => {
    for (const headers of [{}, { prefer: 'handling=lenient' }]) {
      const { status, json, text } = await fhir.request(path.replaceAll(' ', '%20'), { headers });
      assert.is(status, 400, text);
      assert.match(json.issue[0].diagnostics, says);
    }
  });
}

test('no conditional interaction goes by a functional list', async () => {
  const { status, json } = await fhir.request('/Condition?patient=a&_list=$current-problems', { method: 'DELETE' });
  assert.is(status, 400);
  assert.match(json.issue[0].diagnostics, /functional lists/);
});

test.run();
