import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { idsOf, storeAll, testRefusals, testSearches } from '../../support/search.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const reference = (to: string): { reference: string } => ({ reference: to });
const concept = (code: string): object => ({ coding: [{ system: 'http://loinc.org', code }] });

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  await storeAll(stack, [
    { resourceType: 'Organization', id: 'group', name: 'Umbrella Group' },
    { resourceType: 'Organization', id: 'north', name: 'Northern Clinic', partOf: reference('Organization/group') },
    { resourceType: 'Organization', id: 'south', name: 'Southern Clinic' },
    { resourceType: 'Practitioner', id: 'doc', name: [{ family: 'House' }] },
    {
      resourceType: 'Patient',
      id: 'ann',
      name: [{ family: 'Ann' }],
      managingOrganization: reference('Organization/north'),
      generalPractitioner: [reference('Practitioner/doc')],
    },
    { resourceType: 'Patient', id: 'bob', name: [{ family: 'Bob' }], managingOrganization: reference('Organization/south') },
    { resourceType: 'Patient', id: 'cy', name: [{ family: 'Cy' }] },
    { resourceType: 'Device', id: 'pump', deviceName: [{ name: 'Ann', type: 'user-friendly-name' }] },
    { resourceType: 'Encounter', id: 'e1', status: 'finished', class: { code: 'AMB' }, subject: reference('Patient/ann') },
    ...(
      [
        ['o1', 'Patient/ann', 'a', 'Encounter/e1'],
        ['o2', 'Patient/bob', 'a', undefined],
        ['o3', 'Patient/bob', 'b', undefined],
        ['o4', 'Device/pump', 'b', undefined],
      ] as const
    ).map(([id, subject, code, encounter]) => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: concept(code),
      subject: reference(subject),
      ...(encounter && { encounter: reference(encounter) }),
    })),
    {
      resourceType: 'AuditEvent',
      id: 'seen',
      type: { code: 'rest' },
      recorded: '2024-01-01T00:00:00Z',
      agent: [{ requestor: true, who: reference('Practitioner/doc') }],
      source: { observer: reference('Device/pump') },
      entity: [{ what: reference('Observation/o2') }],
    },
    {
      resourceType: 'Questionnaire',
      id: 'phq',
      status: 'active',
      url: 'http://example.org/q/phq',
      version: '2.1',
      title: 'Health Questions',
    },
    { resourceType: 'QuestionnaireResponse', id: 'answers', status: 'completed', questionnaire: 'http://example.org/q/phq|2.1' },
  ]);
});
test.after(() => stack.stop());

testSearches(() => stack, {
  '/Observation?subject:Patient.organization.name=northern': ['o1'],
  '/Observation?subject:Patient.organization:Organization.partof.name=umbrella': ['o1'],
  '/Observation?patient.organization.name=northern,southern': ['o1', 'o2', 'o3'],
  '/Observation?patient.general-practitioner:Practitioner.family=house': ['o1'],
  '/Observation?encounter.subject:Patient.family=ann': ['o1'],
  '/Observation?subject.organization.name=southern&code=b': ['o3'],
  '/Observation?subject:Device.device-name=ann': ['o4'],
  '/Observation?patient._id=bob': ['o2', 'o3'],
  '/Observation?patient.organization:missing=true': [],
  '/Patient?_has:Observation:patient:code=a': ['ann', 'bob'],
  '/Patient?_has:Observation:patient:code=b': ['bob'],
  '/Patient?_has:Observation:subject:code=http://loinc.org|a,http://loinc.org|c': ['ann', 'bob'],
  '/Patient?_has:Observation:patient:code=a&_has:Observation:patient:code=b': ['bob'],
  '/Patient?_has:Observation:patient:_has:AuditEvent:entity:agent=Practitioner/doc': ['bob'],
  '/Patient?_has:Observation:patient:_has:AuditEvent:entity:agent:Practitioner.family=house': ['bob'],
  '/Patient?_has:Observation:patient:encounter.status=finished': ['ann'],
  '/Patient?_has:Observation:patient:code=a&family=bob': ['bob'],
  '/Organization?_has:Patient:organization:_has:Observation:patient:code=b': ['south'],
  '/Observation?patient._has:Encounter:patient:status=finished': ['o1'],
  '/QuestionnaireResponse?questionnaire.title=health': ['answers'],
  // Compartments.
  '/Patient/bob/Observation': ['o2', 'o3'],
  '/Patient/bob/Observation?code=b': ['o3'],
  '/Patient/ann/*': ['ann', 'e1', 'o1'],
  '/Patient/ann/*?_type=Observation,Encounter': ['e1', 'o1'],
  '/Patient/nobody/Observation': [],
  '/Encounter/e1/Observation': ['o1'],
  '/Device/pump/Observation': ['o4'],
  '/Practitioner/doc/Patient': ['ann'],
  // Several types.
  '/?_type=Patient,Organization&name=b': ['bob'],
  '/?_type=Patient,Organization&name=n': ['north'],
  '/?_type=Patient,Practitioner&_id=ann,doc,o1': ['ann', 'doc'],
  '/?_id=ann,doc,o1': ['ann', 'doc', 'o1'],
  '/?_type=Observation,Encounter&patient=ann': ['e1', 'o1'],
});

testRefusals(() => stack, {
  '/Patient?_has:Observation:patient=x': { status: 400, says: /write _has:Type:reference:parameter/ },
  '/Patient?_has:Observation:code:status=x': { status: 400, says: /doesn't point to Patient/ },
  '/Patient?_has:Observation:encounter:status=x': { status: 400, says: /doesn't point to Patient/ },
  '/Observation?subject:Patient.shoe=1': { status: 400, says: /no search parameter shoe/ },
  '/Observation?code.name=1': { status: 400, says: /is no reference/ },
  '/Observation?subject:Shoe.name=1': { status: 400, says: /no resource type/ },
  '/AuditEvent?entity.entity.entity.entity._id=1': { status: 413, says: /too many types/ },
  [`/Patient?${'link.'.repeat(12)}_id=1`]: { status: 413, says: /more than 8 references/ },
  '/?name=ann': { status: 400, says: /_type/ },
  '/?_type=Shoe': { status: 400, says: /no resource type/ },
  '/Organization/north/Observation': { status: 400, says: /no compartment of a Organization/ },
  '/Patient/ann/Medication': { status: 400, says: /no Medication is ever/ },
});

test('sorts and pages over several types', async () => {
  const page = async (url: string): Promise<string[]> => {
    const answer = await stack.request(url);
    assert.is(answer.status, 200, answer.text);
    const next = answer.json.link.find((link: { relation: string }) => link.relation === 'next')?.url;
    return [...idsOf(answer), ...(next === undefined ? [] : await page(next))];
  };
  assert.equal(await page('/?_type=Patient,Organization&_sort=-_id&_count=2'), ['south', 'north', 'group', 'cy', 'bob', 'ann']);
  assert.equal(await page('/?_type=Patient,Organization&_sort=name&_count=1'), ['ann', 'bob', 'cy', 'north', 'south', 'group']);
  assert.is((await page('/?_type=Patient,Organization&_count=4')).length, 6);
});

test('takes searches over several types and compartments by POST too', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal(idsOf(await stack.request('/_search', { body: '_type=Patient&_id=ann', headers })), ['ann']);
  assert.equal(idsOf(await stack.request('/Patient/bob/Observation/_search', { body: 'code=b', headers })), ['o3']);
});

test('searches through a type only with the scope for it', async () => {
  const file = join(stack.data, 'config', 'clients.yaml');
  const before = readFileSync(file, 'utf8');
  try {
    writeFileSync(file, before.replace('[system/*.rs]', '[system/Patient.rs, system/Organization.r]'));
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const ask = async (path: string): Promise<number> => (await stack.request(path, { client: 'reader-demo' })).status;
    assert.is(await ask('/Patient?family=ann'), 200);
    for (const path of [
      '/Patient?organization.name=north',
      '/Patient?_has:Observation:patient:code=a',
      '/Patient?_revinclude=Observation:patient',
      '/Patient?_filter=organization.name sw "north"'.replaceAll(' ', '%20').replaceAll('"', '%22'),
      '/Patient?_list=1',
      '/?_type=Patient,Observation',
      '/Patient/ann/Observation',
      '/Patient/ann/*',
      '/?_id=ann',
    ])
      assert.is(await ask(path), 403, path);
  } finally {
    writeFileSync(file, before);
  }
});

test('a refusal names the whole parameter, however deep its fault lies', async () => {
  for (const [name, value] of [
    ['_has:Observation:patient:shoe', '1'],
    ['_has:Observation:patient:subject:Patient.birthdate', 'soon'],
    ['organization:Organization.shoe', '1'],
    ['organization.partof.name:shoe', '1'],
  ]) {
    const answer = await stack.request(`/Patient?${name}=${value}`);
    assert.is(answer.status, 400, name);
    assert.equal(answer.json.issue[0].expression, [`http.${name}`]);
  }
});

test.run();
