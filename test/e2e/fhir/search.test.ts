import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  const patient = (id: string, family: string, given: string, birthDate: string, gender: string, more = {}): object => ({
    resourceType: 'Patient',
    id,
    name: [{ family, given: [given] }],
    birthDate,
    gender,
    identifier: [{ system: 'urn:mrn', value: id.toUpperCase() }],
    ...more,
  });
  const observation = (id: string, subject: string, code: string, at: string, value: number): object => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code }] },
    subject: { reference: `Patient/${subject}` },
    effectiveDateTime: at,
    valueQuantity: { value, unit: 'beats', system: 'http://unitsofmeasure.org', code: '/min' },
  });
  const resources = [
    patient('ann', 'Müller', 'Ann', '1970-05-01', 'female'),
    patient('bob', 'Miller', 'Bob', '1970-06', 'male', { active: true }),
    patient('cy', 'Smith', 'Cy', '1985', 'male', { deceasedBoolean: true, telecom: [{ system: 'phone', value: '555' }] }),
    observation('o1', 'ann', '8867-4', '2024-01-10T10:00:00Z', 60),
    observation('o2', 'ann', '8867-4', '2024-02-10T10:00:00Z', 72.5),
    observation('o3', 'bob', '8867-4', '2024-02-11', 90),
    observation('o4', 'ann', '8480-6', '2024-02-10', 120),
    {
      resourceType: 'RiskAssessment',
      id: 'r1',
      status: 'final',
      subject: { reference: 'Patient/ann' },
      prediction: [{ probabilityDecimal: 0.2 }],
    },
    {
      resourceType: 'Group',
      id: 'g1',
      type: 'person',
      actual: true,
      characteristic: [{ code: { text: 'x' }, valueBoolean: true, exclude: false }],
    },
    { resourceType: 'ValueSet', id: 'v1', status: 'active', url: 'http://example.org/vs/one' },
    {
      resourceType: 'Provenance',
      id: 'pr1',
      target: [{ reference: 'Observation/o1' }],
      recorded: '2024-01-10T10:00:00Z',
      agent: [{ who: { reference: 'Patient/ann' } }],
    },
  ] as { resourceType: string; id: string }[];
  const entry = resources.map((resource) => ({ resource, request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` } }));
  const stored = await stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  assert.is(stored.status, 200, stored.text);
});
test.after(() => stack.stop());

interface Found {
  readonly resource: { readonly id: string };
  readonly search: { readonly mode: string };
}
const ids = ({ json }: Answer, mode = 'match'): string[] =>
  ((json.entry ?? []) as Found[]).filter(({ search }) => search.mode === mode).map(({ resource }) => resource.id);

const SEARCHES: Readonly<Record<string, readonly string[]>> = {
  '/Patient?family=muller': ['ann'],
  '/Patient?family=m': ['ann', 'bob'],
  '/Patient?name=cy': ['cy'],
  '/Patient?family:exact=Miller': ['bob'],
  '/Patient?family:exact=miller': [],
  '/Patient?name:contains=ill': ['bob'],
  '/Patient?family=miller,smith': ['bob', 'cy'],
  '/Patient?identifier=urn:mrn|ANN': ['ann'],
  '/Patient?identifier=ANN': ['ann'],
  '/Patient?identifier=|ANN': [],
  '/Patient?identifier=urn:mrn|': ['ann', 'bob', 'cy'],
  '/Patient?gender=male': ['bob', 'cy'],
  '/Patient?gender=http://hl7.org/fhir/administrative-gender|male': ['bob', 'cy'],
  '/Patient?gender:not=male': ['ann'],
  '/Patient?active:missing=true': ['ann', 'cy'],
  '/Patient?active=true': ['bob'],
  '/Patient?active=http://terminology.hl7.org/CodeSystem/special-values|true': ['bob'],
  '/Patient?active=http://example.org/other|true': [],
  '/Patient?deceased=true': ['cy'],
  '/Group?value=true': ['g1'],
  '/Group?value=http://terminology.hl7.org/CodeSystem/special-values|true': ['g1'],
  '/Group?value=http://terminology.hl7.org/CodeSystem/special-values|false': [],
  '/Group?exclude:not=http://terminology.hl7.org/CodeSystem/special-values|true': ['g1'],
  '/Patient?phone=555': ['cy'],
  '/Patient?birthdate=1970': ['ann', 'bob'],
  '/Patient?birthdate=1970-06': ['bob'],
  '/Patient?birthdate=1970-06-01': [],
  '/Patient?birthdate=ge1980': ['cy'],
  '/Patient?birthdate=lt1970-05-02': ['ann'],
  '/Patient?birthdate=gt1970-05&gender=male': ['bob', 'cy'],
  '/Patient?_id=ann,cy': ['ann', 'cy'],
  '/Patient?_lastUpdated=gt2020': ['ann', 'bob', 'cy'],
  '/Patient?_lastUpdated=lt2020': [],
  '/Patient?_sort=-birthdate': ['cy', 'bob', 'ann'],
  '/Patient?_sort=family': ['bob', 'ann', 'cy'],
  '/Patient?_sort=-_id': ['cy', 'bob', 'ann'],
  '/Observation?subject=Patient/ann': ['o1', 'o2', 'o4'],
  '/Observation?patient=ann&code=http://loinc.org|8867-4': ['o1', 'o2'],
  '/Observation?patient=ann&code=8867-4&date=ge2024-02': ['o2'],
  '/Observation?date=2024-02-10': ['o2', 'o4'],
  '/Observation?value-quantity=gt72': ['o2', 'o3', 'o4'],
  '/Observation?value-quantity=72.5||/min': ['o2'],
  '/Observation?value-quantity=72|http://unitsofmeasure.org|/min': [],
  '/Observation?value-quantity=74': [],
  '/Observation?patient.family=miller': ['o3'],
  '/Observation?subject:Patient.identifier=urn:mrn|ANN&code=8480-6': ['o4'],
  '/RiskAssessment?probability=gt0.1': ['r1'],
  '/RiskAssessment?probability=0.3': [],
  '/ValueSet?url=http://example.org/vs/one': ['v1'],
  '/ValueSet?url:below=http://example.org/': ['v1'],
};
for (const [path, expected] of Object.entries(SEARCHES)) {
  test(`finds ${expected.join(', ') || 'nothing'} by ${path}`, async () => {
    const answer = await stack.request(path);
    assert.is(answer.status, 200, answer.text);
    assert.equal(ids(answer), expected);
    assert.is(answer.json.total, expected.length);
  });
}

test('brings what matches point to, and what points to them', async () => {
  const forward = await stack.request('/Observation?code=8480-6&_include=Observation:subject');
  assert.equal([ids(forward), ids(forward, 'include')], [['o4'], ['ann']]);
  const back = await stack.request('/Observation?_id=o1&_revinclude=Provenance:target&_include=Observation:subject:Patient');
  assert.equal([ids(back), ids(back, 'include').sort()], [['o1'], ['ann', 'pr1']]);
});

test('pages through matches without repeating or dropping one, in any order', async () => {
  for (const order of ['', '&_sort=-date', '&_sort=value-quantity,-date']) {
    const whole = ids(await stack.request(`/Observation?status=final${order}`));
    const paged: string[] = [];
    for (let url: string | undefined = `/Observation?status=final${order}&_count=1`; url !== undefined;) {
      const page: Answer = await stack.request(url);
      assert.is(page.status, 200, page.text);
      paged.push(...ids(page));
      url = page.json.link.find((link: { relation: string }) => link.relation === 'next')?.url;
    }
    assert.equal(paged, whole);
  }
});

test('takes the same parameters by POST', async () => {
  const answer = await stack.request('/Patient/_search', {
    body: 'family=smith&gender=male',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  assert.equal(ids(answer), ['cy']);
});

test('_lastUpdated compares with the moment itself, to the millisecond', async () => {
  const stored = await stack.request('/Person/moment', { method: 'PUT', body: { resourceType: 'Person', id: 'moment' } });
  const at = Date.parse(stored.json.meta.lastUpdated);
  const found = async (prefix: string, offset: number): Promise<boolean> =>
    ids(await stack.request(`/Person?_id=moment&_lastUpdated=${prefix}${new Date(at + offset).toISOString()}`)).length === 1;
  // Of the moment before, the moment, and the one after.
  for (const [prefix, expected] of Object.entries({
    eq: [false, true, false],
    ne: [true, false, true],
    gt: [true, false, false],
    sa: [true, false, false],
    ge: [true, true, false],
    lt: [false, false, true],
    eb: [false, false, true],
    le: [false, true, true],
  }))
    assert.equal([await found(prefix, -1), await found(prefix, 0), await found(prefix, 1)], expected, prefix);
  assert.ok(await found('ap', 0));
  assert.not(await found('ap', -3_600_000));
});

test('ignores a parameter without a value, with a warning (search.html#errors)', async () => {
  const all = await stack.request('/Patient?family=smith');
  const answer = await stack.request('/Patient?family=smith&birthdate=&gender:not=&shoe-size');
  assert.is(answer.status, 200, answer.text);
  assert.equal(ids(answer), ids(all));
  assert.match(answer.json.link[0].url, /\/Patient\?family=smith$/);
  assert.is(answer.json.entry.at(-1).resource.issue.length, 3);
  assert.is((await stack.request('/?_type=&_count=0')).status, 200);
});

test('refuses a modifier that the parameter has not, whatever the client prefers (search.html#modifiers)', async () => {
  for (const name of ['family:shape', 'birthdate:exact', '_id:exact', '_lastUpdated:exact', 'family:exact:exact']) {
    const answer = await stack.request(`/Patient?${name}=2024-01-01`, { headers: { prefer: 'handling=lenient' } });
    assert.is(answer.status, 400, name);
    assert.equal(answer.json.issue[0].expression, [`http.${name}`]);
  }
});

test('leaves unknown parameters out, with a warning, only where the client asks for that', async () => {
  const answer = await stack.request('/Patient?family=smith&shoe-size=44', { headers: { prefer: 'handling=lenient' } });
  assert.equal(ids(answer), ['cy']);
  assert.match(answer.json.entry.at(-1).resource.issue[0].diagnostics, /shoe-size/);
});

test('finds changes at once, and deleted resources no more', async () => {
  const put = (family: string): Promise<Answer> =>
    stack.request('/Person/x', { method: 'PUT', body: { resourceType: 'Person', id: 'x', name: [{ family }] } });
  await put('Before');
  await put('After');
  assert.equal(ids(await stack.request('/Person?name=before')), []);
  assert.equal(ids(await stack.request('/Person?name=after')), ['x']);
  await stack.request('/Person/x', { method: 'DELETE' });
  assert.equal(ids(await stack.request('/Person?name=after')), []);
});

test('what was loaded from Synthea is found again', async () => {
  for (const file of ['hospitals.json', 'patient.json']) {
    const body = readFileSync(new URL(`../../data/synthea/${file}`, import.meta.url), 'utf8');
    const answer = await stack.request('', { body });
    assert.is(answer.status, 200, answer.text.slice(0, 500));
    const bad = answer.json.entry.filter(({ response }: { response: { status: string } }) => !/^20[01]/.test(response.status));
    assert.equal(bad, []);
  }
  const bundle = JSON.parse(readFileSync(new URL('../../data/synthea/patient.json', import.meta.url), 'utf8')) as {
    entry: { resource: Record<string, never> }[];
  };
  const patient = bundle.entry.find(({ resource }) => resource['resourceType'] === 'Patient')!.resource as unknown as {
    identifier: { system: string; value: string }[];
  };
  const { system, value } = patient.identifier[0]!;
  const found = await stack.request(`/Patient?identifier=${encodeURIComponent(`${system}|${value}`)}`);
  assert.is(found.json.total, 1);
  const { id } = found.json.entry[0].resource;
  const everything = await stack.request(`/Encounter?patient=${id}&_summary=count`);
  assert.is(everything.json.total, bundle.entry.filter(({ resource }) => resource['resourceType'] === 'Encounter').length);
});

test.run();
