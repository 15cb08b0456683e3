import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres } from '../../support/postgres.ts';

const BASE = 'http://localhost/fhir';
let fhir: FhirProcess;
let owner: postgres.Sql;
let stop: () => Promise<void>;

test.before(async () => {
  const server = await startPostgres();
  const database = await server.createDatabase();
  fhir = await startFhir(database.appUrl);
  owner = postgres(database.ownerUrl, { max: 1 });
  stop = async () => {
    await owner.end();
    await fhir.stop();
    await database.drop();
    await server.stop();
  };
  for (const resource of GIVEN) await put(resource);
});
test.after(() => stop());

interface Given {
  readonly resourceType: string;
  readonly id: string;
  readonly [member: string]: unknown;
}
const coding = (code: string): object => ({ coding: [{ system: 'urn:drug', code }] });
const reference = (to: string): object => ({ reference: to });
const medication = (id: string, code: string, more: object = {}): object => ({
  resourceType: 'Medication',
  id,
  code: coding(code),
  ...more,
});
const order = (id: string, contained: readonly object[], more: object = {}): Given => ({
  resourceType: 'MedicationRequest',
  id,
  status: 'active',
  intent: 'order',
  medicationReference: reference('#m'),
  subject: reference('Patient/p'),
  ...(contained.length > 0 && { contained, supportingInformation: contained.map((each) => reference(`#${(each as Given).id}`)) }),
  ...more,
});
const GIVEN: readonly Given[] = [
  { resourceType: 'Patient', id: 'p', name: [{ family: 'Outside' }], managingOrganization: reference('Organization/o') },
  { resourceType: 'Organization', id: 'o', name: 'Umbrella' },
  medication('alone', 'abc') as Given,
  order('r1', [
    medication('m', 'abc', { manufacturer: reference('Organization/o'), status: 'active' }),
    { resourceType: 'Patient', id: 'who', name: [{ family: 'Inside' }], gender: 'female' },
  ]),
  order('r2', [medication('m', 'abc'), medication('m2', 'abc', { meta: { tag: [{ code: 't' }] } }), medication('m3', 'xyz')]),
  {
    resourceType: 'List',
    id: 'l',
    status: 'current',
    mode: 'working',
    contained: [
      medication('m', 'xyz', { text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml">Zaubertrank</div>' } }),
      {
        resourceType: 'Observation',
        id: 'obs',
        status: 'final',
        code: coding('pulse'),
        subject: reference('Patient/p'),
        valueQuantity: { value: 72, unit: '/min' },
      },
      { resourceType: 'Location', id: 'place', position: { latitude: 52.52, longitude: 13.405 } },
    ],
    entry: [{ item: reference('#m') }, { item: reference('#obs') }, { item: reference('#place') }],
  },
  {
    resourceType: 'Observation',
    id: 'of-kid',
    status: 'final',
    code: coding('weight'),
    contained: [{ resourceType: 'Patient', id: 'kid', name: [{ family: 'Within' }], managingOrganization: reference('Organization/o') }],
    subject: reference('#kid'),
  },
  {
    resourceType: 'Observation',
    id: 'of-group',
    status: 'final',
    code: coding('head count'),
    contained: [{ resourceType: 'Group', id: 'herd', type: 'animal', actual: true }],
    subject: reference('#herd'),
  },
  {
    resourceType: 'MedicationRequest',
    id: 'r4',
    status: 'active',
    intent: 'order',
    medicationCodeableConcept: coding('none'),
    subject: reference('Patient/p'),
  },
  {
    resourceType: 'ConceptMap',
    id: 'map',
    status: 'active',
    contained: [{ resourceType: 'ValueSet', id: 'vs', status: 'draft', title: 'Own' }],
    sourceCanonical: '#vs',
  },
];

const put = async (resource: Given): Promise<void> => {
  const { status, text } = await fhir.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body: resource });
  assert.ok(status === 200 || status === 201, text);
};
const urlsOf = ({ json }: Answer): string[] =>
  (json.entry ?? []).map(({ fullUrl, search }: { fullUrl: string; search: { mode: string } }) => {
    assert.is(search.mode, 'match');
    return fullUrl.replace(`${BASE}/`, '');
  });
const search = async (path: string): Promise<Answer> => {
  const answer = await fhir.request(path);
  assert.is(answer.status, 200, answer.text);
  return answer;
};
const found = async (path: string): Promise<string[]> => urlsOf(await search(path));
const paged = async (path: string): Promise<string[]> => {
  const urls: string[] = [];
  for (let next: string | undefined = `${path}&_count=1`; next !== undefined;) {
    const answer: Answer = await search(next.replace(BASE, ''));
    assert.ok(urlsOf(answer).length <= 1);
    urls.push(...urlsOf(answer));
    next = answer.json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
  }
  return urls;
};

const SEARCHES: Readonly<Record<string, readonly string[]>> = {
  '/Medication?code=abc': ['Medication/alone'],
  '/Medication?code=abc&_contained=false': ['Medication/alone'],
  '/Medication?code=urn:drug|abc&_contained=true': ['MedicationRequest/r1', 'MedicationRequest/r2'],
  '/Medication?code=abc&_contained=true&_containedType=container': ['MedicationRequest/r1', 'MedicationRequest/r2'],
  '/Medication?code=abc&_contained=true&_containedType=contained': [
    'MedicationRequest/r1#m',
    'MedicationRequest/r2#m',
    'MedicationRequest/r2#m2',
  ],
  '/Medication?code=abc&_contained=both': ['Medication/alone', 'MedicationRequest/r1', 'MedicationRequest/r2'],
  '/Medication?code=abc&_contained=both&_containedType=contained': [
    'Medication/alone',
    'MedicationRequest/r1#m',
    'MedicationRequest/r2#m',
    'MedicationRequest/r2#m2',
  ],
  '/Medication?code=xyz&_contained=true&_containedType=contained': ['List/l#m', 'MedicationRequest/r2#m3'],
  // Of every kind of parameter.
  '/Medication?_contained=true&_containedType=contained': [
    'List/l#m',
    'MedicationRequest/r1#m',
    'MedicationRequest/r2#m',
    'MedicationRequest/r2#m2',
    'MedicationRequest/r2#m3',
  ],
  '/Medication?code:not=abc&_contained=true&_containedType=contained': ['List/l#m', 'MedicationRequest/r2#m3'],
  '/Medication?status:missing=false&_contained=true&_containedType=contained': ['MedicationRequest/r1#m'],
  '/Medication?_id=m2&_contained=true&_containedType=contained': ['MedicationRequest/r2#m2'],
  '/Medication?code=abc&_id:not=m2&_contained=true&_containedType=contained': ['MedicationRequest/r1#m', 'MedicationRequest/r2#m'],
  '/Medication?_tag=t&_contained=true&_containedType=contained': ['MedicationRequest/r2#m2'],
  '/Medication?manufacturer=Organization/o&_contained=true&_containedType=contained': ['MedicationRequest/r1#m'],
  '/Medication?manufacturer.name=umbrella&_contained=true&_containedType=contained': ['MedicationRequest/r1#m'],
  '/Medication?_filter=code eq xyz and _id ne m&_contained=true&_containedType=contained': ['MedicationRequest/r2#m3'],
  '/Medication?_text=zaubertrank&_contained=true': ['List/l'],
  '/Patient?name=inside&gender=female&_contained=both': ['MedicationRequest/r1'],
  '/Patient?family=inside,outside&_contained=both&_containedType=contained': ['MedicationRequest/r1#who', 'Patient/p'],
  '/Observation?patient=Patient/p&code=pulse&_contained=true&_containedType=contained': ['List/l#obs'],
  '/Observation?value-quantity=gt70&_contained=true&_containedType=contained': ['List/l#obs'],
  '/Observation?code-value-quantity=pulse$72&_contained=true&_containedType=contained': ['List/l#obs'],
  '/Observation?patient.organization.name=umbrella&_contained=true': ['List/l'],
  '/Location?near=52.5|13.4|10|km&_contained=true': ['List/l'],
  '/?_type=Observation,Location&_contained=true&_containedType=contained': ['List/l#obs', 'List/l#place'],
  // A chain is followed into what the resource contains, where its reference leads there.
  '/MedicationRequest?medication.code=abc': ['MedicationRequest/r1', 'MedicationRequest/r2'],
  '/MedicationRequest?medication:Medication.code=urn:drug|abc&subject.family=outside': ['MedicationRequest/r1', 'MedicationRequest/r2'],
  '/MedicationRequest?medication.code=xyz': [],
  '/MedicationRequest?medication.status:missing=false': ['MedicationRequest/r1'],
  '/MedicationRequest?medication.manufacturer.name=umbrella': ['MedicationRequest/r1'],
  '/MedicationRequest?_filter=medication.code eq urn:drug|abc and medication.status eq active': ['MedicationRequest/r1'],
  '/MedicationRequest?patient.family=inside': [],
  '/MedicationRequest?medication._id=m': [],
  '/Observation?patient.family=within': ['Observation/of-kid'],
  '/Observation?patient.organization.name=umbrella': ['Observation/of-kid'],
  '/Observation?subject:Patient.organization.name=umbrella': ['Observation/of-kid'],
  '/Observation?subject.organization.name=umbrella': ['Observation/of-kid'],
  '/Observation?_id=of-kid,other&subject:Patient.family=within': ['Observation/of-kid'],
  '/Observation?subject:Group.identifier=within': [],
  '/List?item:Medication.code=xyz': ['List/l'],
  '/List?item:Observation.patient.family=outside': ['List/l'],
  '/List?item.code=xyz': [],
  '/ConceptMap?source.title=own': ['ConceptMap/map'],
  // A reference to what is contained is a value.
  '/MedicationRequest?medication:missing=true': ['MedicationRequest/r4'],
  '/MedicationRequest?medication:missing=false': ['MedicationRequest/r1', 'MedicationRequest/r2'],
  '/MedicationRequest?_filter=medication pr true': ['MedicationRequest/r1', 'MedicationRequest/r2'],
  '/Observation?_id=of-kid&subject:missing=false': ['Observation/of-kid'],
  '/Observation?_id=of-kid&patient:missing=true': [],
  '/Observation?_id=of-kid&encounter:missing=true': ['Observation/of-kid'],
  '/Observation?_id=of-group&subject:missing=true': [],
  '/Observation?_id=of-group&patient:missing=true': ['Observation/of-group'],
  '/List?item:missing=true': [],
  // What others contain is found nowhere else.
  '/Patient?family=inside': [],
  '/Patient?gender:missing=false': [],
  '/Observation?code=pulse': [],
  '/Observation?patient=Patient/p&code=pulse': [],
  '/Location?near=52.5|13.4|10|km': [],
  '/?_tag=t': [],
  '/Patient?_has:Observation:patient:code=pulse': [],
};
for (const [path, expected] of Object.entries(SEARCHES)) {
  test(`finds ${expected.join(', ') || 'nothing'} by ${path}, whole, counted, and page by page`, async () => {
    const written = path.replaceAll(' ', '%20');
    const answer = await search(written);
    assert.equal(urlsOf(answer).sort(), expected);
    assert.is(answer.json.total, expected.length);
    assert.is((await search(`${written}&_summary=count`)).json.total, expected.length);
    assert.is((await search(`${written}&_count=1&_total=accurate`)).json.total, expected.length);
    assert.equal((await paged(written)).sort(), expected);
  });
}

test('a search over all types finds a word of a contained resource in its container, once', async () => {
  assert.equal(await found('/?_content=zaubertrank'), ['List/l']);
  assert.is((await search('/?_content=zaubertrank&_summary=count')).json.total, 1);
});

test('a contained resource is shown as it was written, a container whole', async () => {
  const [contained] = (await search('/Medication?code=abc&_contained=true&_containedType=contained')).json.entry;
  assert.equal(contained.resource, (GIVEN[3]!['contained'] as object[])[0]);
  const [container] = (await search('/Medication?code=abc&_contained=true')).json.entry;
  assert.is(container.resource.id, 'r1');
  assert.is(container.resource.contained.length, 2);
});

test('_elements and _summary are of what is shown', async () => {
  const [{ resource }] = (await search('/Medication?_id=m2&_contained=true&_containedType=contained&_elements=status')).json.entry;
  assert.equal(Object.keys(resource).sort(), ['id', 'meta', 'resourceType']);
  const [summary] = (await search('/Medication?_id=m2&_contained=true&_summary=true')).json.entry;
  assert.is(summary.resource.resourceType, 'MedicationRequest');
  assert.is(summary.resource.contained, undefined);
});

const rows = async (): Promise<number> => {
  const tables =
    await owner`select table_name as name from information_schema.tables where table_schema = 'fhir' and table_name like 'sp\\_%'`;
  let sum = 0;
  for (const { name } of tables)
    sum += Number((await owner.unsafe(`select count(*) as n from fhir.${name} where rid >= 256 * 2::bigint ^ 44`))[0]!['n']);
  return sum;
};

test('what a container contains is found as it is now: after an update, a patch, a delete and its return; no row is left behind', async () => {
  const before = await rows();
  const query = (code: string): string => `/Medication?code=${code}&_contained=true&_containedType=contained`;
  await put(order('new', [medication('m', 'one'), medication('n', 'two')]));
  assert.equal(await found(query('one')), ['MedicationRequest/new#m']);
  await put(order('new', [medication('n', 'two'), medication('m', 'three')]));
  assert.equal(await found(query('one')), []);
  assert.equal(await found(query('two')), ['MedicationRequest/new#n']);
  assert.equal(await found(query('three')), ['MedicationRequest/new#m']);
  const chained = (code: string): string => `/MedicationRequest?medication.code=${code}`;
  const ordersOf = (...codes: readonly string[]): Promise<string[][]> => Promise.all(codes.map((code) => found(chained(code))));
  assert.equal(await ordersOf('one', 'two', 'three'), [[], [], ['MedicationRequest/new']]);
  const patched = await fhir.request('/MedicationRequest/new', {
    method: 'PATCH',
    headers: { 'content-type': 'application/json-patch+json' },
    body: [{ op: 'replace', path: '/contained/0/code/coding/0/code', value: 'four' }],
  });
  assert.is(patched.status, 200, patched.text);
  assert.equal([await found(query('two')), await found(query('four'))], [[], ['MedicationRequest/new#n']]);
  assert.is((await fhir.request('/MedicationRequest/new', { method: 'DELETE' })).status, 204);
  assert.equal([await found(query('three')), await found(query('four'))], [[], []]);
  assert.equal(await ordersOf('three', 'four'), [[], []]);
  assert.is(await rows(), before);
  await put(order('new', [medication('m', 'five')]));
  assert.equal(await found(query('five')), ['MedicationRequest/new#m']);
  await put(order('new', [], { medicationReference: reference('Medication/alone') }));
  assert.equal(await found(query('five')), []);
  assert.is(await rows(), before);
});

test('pages go on where they were while containers change', async () => {
  const query = '/Medication?code=moving&_contained=true&_containedType=contained';
  for (const id of ['a1', 'a2', 'a3']) await put(order(id, [medication('m', 'moving'), medication('n', 'moving')]));
  const first = await search(`${query}&_count=3`);
  assert.equal(urlsOf(first), ['MedicationRequest/a1#m', 'MedicationRequest/a1#n', 'MedicationRequest/a2#m']);
  await put(order('a1', [medication('m', 'moving', { status: 'active' }), medication('n', 'moving')]));
  await put(order('a2', [medication('m', 'moving', { status: 'active' }), medication('n', 'moving')]));
  const next = first.json.link.find(({ relation }: { relation: string }) => relation === 'next').url as string;
  assert.equal(await found(next.replace(BASE, '')), ['MedicationRequest/a2#n', 'MedicationRequest/a3#m', 'MedicationRequest/a3#n']);
});

test('rows that an older process left behind are not found, nor of a version that it wrote; the next write is', async () => {
  const query = (code: string): string => `/Medication?code=${code}&_contained=true`;
  await put(order('old', [medication('m', 'before')]));
  // What a process of an earlier release does: a version, and no rows of what it contains.
  await owner.unsafe(`with old as (select * from fhir.resource where id = 'old'),
    kept as (insert into fhir.resource_history (rid, version, type, id, updated, deleted, xid, body) select rid, version, type, id, updated, deleted, xid, body from old)
    update fhir.resource r set version = o.version + 1, body = replace(replace(o.body, 'before', 'unseen'), '"versionId":"1"', '"versionId":"2"')
    from old o where o.rid = r.rid`);
  assert.equal([await found(query('before')), await found(query('unseen'))], [[], []]);
  await put(order('old', [medication('m', 'after')]));
  assert.equal(
    [await found(query('before')), await found(query('unseen')), await found(query('after'))],
    [[], [], ['MedicationRequest/old']],
  );
});

test('a job makes the rows of what was there before there were any, once, and goes on where another process stopped', async () => {
  await put(order('j1', [medication('m', 'earlier')]));
  await put(order('j2', [medication('m', 'earlier'), medication('n', 'earlier')]));
  await put(order('j3', [medication('m', 'earlier')]));
  const query = '/Medication?code=earlier&_contained=true&_containedType=contained';
  const all = ['MedicationRequest/j1#m', 'MedicationRequest/j2#m', 'MedicationRequest/j2#n', 'MedicationRequest/j3#m'];
  const before = await rows();
  const run = async (state: string | null): Promise<void> => {
    const id = randomUUID();
    await owner`insert into fhir.job (id, kind, client, request, state) values (${id}, 'contained', '', '{}', ${state})`;
    for (const end = Date.now() + 20_000; ; await sleep(50)) {
      const [job] = await owner`select status from fhir.job where id = ${id}`;
      if (job!['status'] === 'done') return;
      assert.ok(Date.now() < end && job!['status'] === 'pending', 'the job ends');
    }
  };
  // As they were before the migration: of none there is a row. Rows of the version that another test left behind stay.
  const tables =
    await owner`select table_name as name from information_schema.tables where table_schema = 'fhir' and table_name like 'sp\\_%'`;
  for (const { name } of tables) await owner.unsafe(`delete from fhir.${name} where rid >= 256 * 2::bigint ^ 44`);
  assert.equal(await found(query), []);
  const [j2] = await owner`select rid from fhir.resource where id = 'j2'`;
  await run(JSON.stringify({ after: Number(j2!['rid']), done: 0 }));
  assert.equal(await found(query), ['MedicationRequest/j3#m']);
  await run(null);
  assert.equal(await found(query), all);
  const made = await rows();
  assert.ok(made <= before && made > 0);
  await run(null);
  assert.is(await rows(), made);
  await put(order('j2', [], { medicationReference: reference('Medication/alone') }));
  assert.equal(await found(query), ['MedicationRequest/j1#m', 'MedicationRequest/j3#m']);
});

test('a transaction stores what its entries contain, references within it resolved', async () => {
  const entry = [
    {
      fullUrl: 'urn:uuid:6b1c3f70-0000-4000-8000-000000000001',
      resource: { resourceType: 'Organization', name: 'Maker' },
      request: { method: 'POST', url: 'Organization' },
    },
    {
      resource: order('', [medication('m', 'made', { manufacturer: reference('urn:uuid:6b1c3f70-0000-4000-8000-000000000001') })]),
      request: { method: 'PUT', url: 'MedicationRequest/tx' },
    },
  ];
  (entry[1]!.resource as { id: string }).id = 'tx';
  const { status, text } = await fhir.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
  assert.is(status, 200, text);
  assert.equal(await found('/Medication?manufacturer.name=maker&_contained=true'), ['MedicationRequest/tx']);
});

const cursor = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const REFUSED: Readonly<Record<string, RegExp>> = {
  '/Medication?_contained=yes': /none of false, true and both/,
  '/Medication?_contained:not=true': /takes no modifier/,
  '/Medication?_contained=true&_containedType=box': /neither container nor contained/,
  '/Medication?_containedType=contained': /says nothing without _contained=true/,
  '/Medication?_contained=true&_include=Medication:manufacturer': /_include doesn't go with _contained=true/,
  '/Medication?_contained=both&_revinclude=MedicationRequest:medication': /_revinclude doesn't go with _contained=both/,
  '/Medication?_contained=true&_sort=code': /_sort doesn't go with/,
  '/Medication?_contained=true&_lastUpdated=gt2020': /_lastUpdated doesn't go with/,
  '/Medication?_contained=true&_has:MedicationRequest:medication:status=active': /doesn't go with/,
  '/Medication?_contained=true&_list=l': /_list doesn't go with/,
  '/Medication?_contained=true&shoe=1': /Medication has no search parameter shoe/,
  '/?_contained=true': /needs a type/,
  '/Patient/p/Observation?_contained=true': /doesn't go with compartments/,
  [`/Medication?_contained=true&_cursor=${cursor([1])}`]: /_cursor is damaged/,
  [`/Medication?_contained=true&_cursor=${cursor([1, 1e9])}`]: /_cursor is damaged/,
  [`/Medication?_contained=true&_cursor=${cursor([1, '1'])}`]: /_cursor is damaged/,
};
for (const [path, says] of Object.entries(REFUSED)) {
  test(`refuses ${path}`, async () => {
    const { status, json, text } = await fhir.request(path);
    assert.is(status, 400, text);
    assert.match(json.issue[0].diagnostics, says);
  });
}

test('what a document or a message is about is searched by its own parameters', async () => {
  const bundle = (id: string, type: string, first: object): Given => ({
    resourceType: 'Bundle',
    id,
    type,
    ...(type === 'document' && { identifier: { system: 'urn:d', value: '1' }, timestamp: '2024-01-01T00:00:00Z' }),
    entry: [{ fullUrl: 'urn:uuid:6f1c6ed9-7e1c-4b5e-9d3a-2f0a1f0f7c11', resource: first }],
  });
  const composition = (title: string, id?: string): object => ({
    resourceType: 'Composition',
    ...(id !== undefined && { id }),
    status: 'final',
    type: coding('c'),
    subject: reference('Patient/p'),
    date: '2024',
    author: [{ display: 'A' }],
    title,
  });
  const header = {
    resourceType: 'MessageHeader',
    id: 'head',
    eventCoding: { system: 'urn:e', code: 'sent' },
    source: { endpoint: 'urn:s' },
  };
  for (const given of [
    bundle('doc', 'document', composition('Letter', 'comp')),
    bundle('unnamed', 'document', composition('Nameless')),
    bundle('set', 'collection', composition('Letter', 'other')),
    bundle('msg', 'message', header),
    bundle('patients', 'collection', { resourceType: 'Patient', id: 'p' }),
  ])
    await put(given);
  for (const [query, ids] of [
    ['composition=Composition/comp', ['doc']],
    ['composition=comp', ['doc']],
    ['composition.title=letter', ['doc']],
    ['composition.title=nameless', ['unnamed']],
    ['composition:Composition.type=urn:drug|c&identifier=urn:d|1', ['doc', 'unnamed']],
    ['composition.patient=Patient/p', ['doc', 'unnamed']],
    ['composition.patient.family=outside', ['doc', 'unnamed']],
    ['message.event=urn:e|sent', ['msg']],
    ['message=MessageHeader/head', ['msg']],
    ['message=Composition/comp', []],
    ['composition:missing=false', ['doc', 'unnamed', 'set']],
    ['message:missing=true', ['doc', 'unnamed', 'set', 'patients']],
  ] as const) {
    assert.equal(
      await found(`/Bundle?${query}`),
      ids.map((id) => `Bundle/${id}`),
      query,
    );
  }
  assert.equal(await found('/Composition?_contained=true&title=letter'), []);
  await put({ ...composition('Alone', 'comp') } as Given);
  assert.equal(await found('/Composition?_revinclude=Bundle:composition'), ['Composition/comp']);
  await put(bundle('doc', 'document', composition('Note', 'comp')));
  assert.equal(await found('/Bundle?composition.title=letter'), []);
  assert.equal(await found('/Bundle?composition.title=note'), ['Bundle/doc']);
});

test.run();
