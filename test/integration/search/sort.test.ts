import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type FhirProcess, startFhirAlone } from '../../support/fhir-process.ts';

let fhir: FhirProcess;

const BASE = 'http://localhost/fhir';
const coding = (code: string, system?: string): object => ({ code, ...(system !== undefined && { system }) });
const observation = (id: string, codings: readonly object[], more: object): object => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { ...(codings.length > 0 && { coding: codings }), text: id },
  ...more,
});
const OBSERVATIONS = [
  observation('o1', [coding('b', 'urn:x:2'), coding('z', 'urn:x:2')], { subject: { reference: 'Patient/p2' } }),
  observation('o2', [coding('b', 'urn:x:1')], {
    subject: { reference: `${BASE}/Patient/p1` },
    valueCodeableConcept: { coding: [coding('n')] },
  }),
  observation('o3', [coding('a', 'urn:x:9')], { subject: { reference: 'Group/g' }, status: 'amended' }),
  observation('o4', [coding('ba', 'urn:x:0')], {
    subject: { identifier: { value: 'no reference' } },
    valueCodeableConcept: { coding: [coding('m')] },
  }),
  // A number that PostgreSQL's jsonb can't hold: there is nothing to sort by, and the search goes on.
  observation('o5', [coding('0')], { valueQuantity: { value: 0 } }),
  observation('o6', [], { subject: { reference: 'Patient/p1/_history/7' } }),
];
const OTHERS = [
  { resourceType: 'Patient', id: 'p1', gender: 'male', identifier: [{ system: 'urn:mrn', value: '2' }], active: true },
  { resourceType: 'Patient', id: 'p2', gender: 'female', telecom: [{ system: 'phone', value: '555' }], deceasedDateTime: '2020' },
  { resourceType: 'Group', id: 'g', type: 'person', actual: true },
  { resourceType: 'ValueSet', id: 'v1', status: 'active', url: 'http://example.org/b' },
  { resourceType: 'ValueSet', id: 'v2', status: 'draft', url: 'http://example.org/a' },
  { resourceType: 'ValueSet', id: 'v3', status: 'active' },
  { resourceType: 'Basic', id: 't1', code: { text: 'x' }, meta: { tag: [{ code: 'b' }], profile: ['http://example.org/p'] } },
  {
    resourceType: 'Flag',
    id: 't2',
    status: 'active',
    code: { text: 'x' },
    subject: { reference: 'Group/g' },
    meta: { tag: [{ code: 'a' }] },
  },
  { resourceType: 'Encounter', id: 'e1', status: 'finished', class: { code: 'AMB' }, subject: { reference: 'Patient/p1' } },
];

test.before(async () => {
  fhir = await startFhirAlone();
  for (const resource of [...OBSERVATIONS, ...OTHERS] as { resourceType: string; id: string }[]) {
    const body = JSON.stringify(resource).replace('"value":0', `"value":0.${'0'.repeat(20_000)}1`);
    const stored = await fhir.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body });
    assert.is(stored.status, 201, stored.text.slice(0, 300));
  }
});
test.after(() => fhir.stop());

const idsOf = ({ json }: Answer): string[] => (json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id);

/** Every page of one resource. */
const paged = async (path: string): Promise<string[]> => {
  const found: string[] = [];
  for (let next: string | undefined = `${path}&_count=1`; next !== undefined;) {
    const answer: Answer = await fhir.request(next.replace(BASE, ''));
    assert.is(answer.status, 200, answer.text);
    found.push(...idsOf(answer));
    next = answer.json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
  }
  return found;
};

const ORDERS: Readonly<Record<string, readonly string[]>> = {
  // By code, then by system; the smallest of several going up and the largest going down; nothing last in either direction.
  '/Observation?_sort=code': ['o3', 'o2', 'o1', 'o4', 'o5', 'o6'],
  '/Observation?_sort=-code': ['o1', 'o4', 'o2', 'o3', 'o5', 'o6'],
  '/Observation?_sort=subject': ['o3', 'o2', 'o6', 'o1', 'o4', 'o5'],
  '/Observation?_sort=-subject': ['o1', 'o2', 'o6', 'o3', 'o4', 'o5'],
  '/Observation?_sort=patient,-_id': ['o6', 'o2', 'o1', 'o5', 'o4', 'o3'],
  '/Observation?_sort=status,-code': ['o3', 'o1', 'o4', 'o2', 'o6', 'o5'],
  '/Observation?_sort=value-concept,code': ['o4', 'o2', 'o3', 'o1', 'o5', 'o6'],
  '/Patient?_sort=gender': ['p2', 'p1'],
  '/Patient?_sort=-active': ['p1', 'p2'],
  '/Patient?_sort=identifier': ['p1', 'p2'],
  '/Patient?_sort=phone': ['p2', 'p1'],
  '/Patient?_sort=deceased': ['p1', 'p2'],
  '/ValueSet?_sort=url': ['v2', 'v1', 'v3'],
  '/ValueSet?_sort=-url': ['v1', 'v2', 'v3'],
  '/?_tag=a,b&_sort=_tag': ['t2', 't1'],
  '/?_tag=a,b&_sort=_profile': ['t1', 't2'],
  '/?_type=Encounter,Observation&_sort=patient,_id': ['e1', 'o2', 'o6', 'o1', 'o3', 'o4', 'o5'],
};
for (const [path, expected] of Object.entries(ORDERS)) {
  test(`orders by ${path}, whole and page by page`, async () => {
    const answer = await fhir.request(path);
    assert.is(answer.status, 200, answer.text);
    assert.equal(idsOf(answer), expected);
    assert.equal(await paged(path), expected);
  });
}

test('a composite or special parameter is refused as a sort key with a word about it', async () => {
  for (const path of ['/Observation?_sort=code-value-quantity', '/Location?_sort=near', '/Patient?_sort=_text']) {
    const answer = await fhir.request(path);
    assert.is(answer.status, 400, path);
    assert.match(answer.json.issue[0].diagnostics, /parameter has no order: sort by one of its parts/);
  }
});

test('a search in a transaction is in the same order, whatever the database can read', async () => {
  const entry = [
    { request: { method: 'PUT', url: 'Basic/b' }, resource: { resourceType: 'Basic', id: 'b', code: { text: 'x' } } },
    { request: { method: 'GET', url: 'Observation?_sort=code' } },
  ];
  const answer = await fhir.request('/', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  assert.is(answer.status, 200, answer.text.slice(0, 300));
  const found = answer.json.entry[1].resource.entry.map(({ resource }: { resource: { id: string } }) => resource.id);
  assert.equal(found, ORDERS['/Observation?_sort=code']);
});

test('pages repeat and drop nothing that stays while others come, change and go', async () => {
  const found: string[] = [];
  let page = 0;
  for (let next: string | undefined = '/Observation?_sort=-code,subject&_count=2'; next !== undefined; page++) {
    const answer: Answer = await fhir.request(next.replace(BASE, ''));
    found.push(...idsOf(answer));
    const body = observation(`new${page}`, [coding(page % 2 ? 'zz' : 'A')], {});
    assert.is((await fhir.request(`/Observation/new${page}`, { method: 'PUT', body })).status, 201);
    next = answer.json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
  }
  assert.equal(
    found.filter((id) => id.startsWith('o')),
    ['o1', 'o4', 'o2', 'o3', 'o6', 'o5'],
  );
  assert.is(new Set(found).size, found.length);
  for (let i = 0; i < page; i++) await fhir.request(`/Observation/new${i}`, { method: 'DELETE' });
});

test.run();
