import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Asked, type AskOptions, type ServerCalls, startServerCalls } from '../../support/server-calls.ts';

let calls: ServerCalls;
const LOINC = 'http://loinc.org';

const put = async (id: string, code: object, more: object = {}): Promise<void> => {
  const body = { resourceType: 'Observation', id, status: 'final', code, subject: { reference: 'Patient/ann' }, ...more };
  const { status, text } = await calls.ask('PUT', `/Observation/${id}`, { body });
  assert.is(status, 201, text);
};
const coded = (...codes: string[]): object => ({ coding: codes.map((code) => ({ system: LOINC, code })) });
const on = (day: number, category?: string): object => ({
  effectiveDateTime: `2024-01-${String(day).padStart(2, '0')}`,
  ...(category && { category: [{ coding: [{ code: category }] }] }),
});

test.before(async () => {
  calls = await startServerCalls();
  for (const id of ['ann', 'bob']) await calls.ask('PUT', `/Patient/${id}`, { body: { resourceType: 'Patient', id } });
  await put('hr2', coded('8867-4'), on(2, 'vital-signs'));
  await put('hr9', coded('8867-4'), on(9, 'vital-signs'));
  await put('hr5', coded('8867-4', 'local'), on(5, 'vital-signs'));
  await put('local7', coded('local'), on(7, 'laboratory'));
  await put('glu3', coded('2339-0'), { ...on(3, 'laboratory'), performer: [{ reference: 'Practitioner/p' }] });
  await put('glu1', coded('2339-0'), on(1, 'laboratory'));
  await put('said', { text: 'Mood' }, on(4));
  await put('saidOld', { text: 'Mood' }, on(3));
  await put('bobs', coded('8867-4'), { ...on(20), subject: { reference: 'Patient/bob' } });
});
test.after(() => calls.close());

const lastN = (query: string, options?: AskOptions): Promise<Asked> => calls.ask('GET', `/Observation/$lastn?${query}`, options);
const ids = ({ json, text, status }: Asked): string[] => {
  assert.is(status, 200, text);
  return (json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id);
};

test('the newest of each code come, one unless max says how many', async () => {
  assert.equal(ids(await lastN('patient=Patient/ann')), ['hr9', 'said', 'glu3']);
  assert.equal(ids(await lastN('subject=Patient/ann&max=2')), ['hr9', 'local7', 'said', 'saidOld', 'glu3', 'glu1']);
  assert.equal(ids(await lastN('patient=ann&max=100&code=2339-0')), ['glu3', 'glu1']);
});

test('the parameters of a search say what is looked through', async () => {
  assert.equal(ids(await lastN('patient=ann&category=laboratory')), ['local7', 'glu3']);
  assert.equal(ids(await lastN(`patient=ann&code=${LOINC}|8867-4,2339-0`)), ['hr9', 'glu3']);
  assert.equal(ids(await lastN('patient=ann&date=lt2024-01-06')), ['hr5', 'said', 'glu3']);
  assert.equal(ids(await lastN('patient:Patient._id=bob')), ['bobs']);
  assert.equal(ids(await lastN('patient=nobody')), []);
});

test('the answer is a searchset with its links, what is included and the elements that are wanted', async () => {
  const { json } = await lastN('patient=ann&code=2339-0&_include=Observation:patient&_elements=status');
  assert.equal([json.type, json.total, json.link.length], ['searchset', 1, 1]);
  assert.match(json.link[0].url, /\/Observation\/\$lastn\?patient=ann&code=2339-0.*&max=1$/);
  assert.equal(
    json.entry.map(({ search, resource }: any) => [search.mode, resource.resourceType, resource.effectiveDateTime]),
    [
      ['match', 'Observation', undefined],
      ['include', 'Patient', undefined],
    ],
  );
});

test('by POST with Parameters', async () => {
  const parameter = [
    { name: 'patient', valueString: 'ann' },
    { name: 'category', valueString: 'laboratory' },
    { name: 'max', valuePositiveInt: 2 },
  ];
  const answer = await calls.ask('POST', '/Observation/$lastn', { body: { resourceType: 'Parameters', parameter } });
  assert.equal(ids(answer), ['local7', 'glu3', 'glu1']);
  const complex = { resourceType: 'Parameters', parameter: [{ name: 'patient', valueReference: { reference: 'Patient/ann' } }] };
  assert.is((await calls.ask('POST', '/Observation/$lastn', { body: complex })).status, 400);
});

test('it has to be said whose, and what can’t be gone by is refused', async () => {
  const { status, json } = await lastN('code=8867-4');
  assert.is(status, 400);
  assert.match(json.issue[0].diagnostics, /say whose Observations: give patient or subject/);
  for (const query of ['patient:missing=false', 'patient:not=x', 'patient=ann&max=0', 'patient=ann&max=x', 'patient=ann&max=1&max=2'])
    assert.is((await lastN(query)).status, 400, query);
  for (const query of ['patient=ann&_sort=date', 'patient=ann&_count=5', 'patient=ann&colour=red'])
    assert.is((await lastN(query)).status, 400, query);
  const lenient = await lastN('patient=ann&code=2339-0&_count=5&colour=red', { lenient: true });
  assert.equal(
    lenient.json.entry.map(({ search, resource }: any) => [search.mode, resource.issue?.length]),
    [
      ['match', undefined],
      ['outcome', 2],
    ],
  );
});

test('who may not search Observations or look through the reference is refused', async () => {
  assert.is((await lastN('patient=ann', { scopes: ['system/Observation.r'] })).status, 403);
  assert.is((await lastN('patient=ann', { scopes: ['system/Observation.s'], operations: ['$everything'] })).status, 403);
  assert.is((await lastN('patient=ann', { scopes: ['system/Observation.s'], operations: ['$lastn'] })).status, 200);
  assert.is((await lastN('patient._id=ann', { scopes: ['system/Observation.s'] })).status, 403);
});

test('the trail names the patients that were shown, and the search with its values masked', async () => {
  const { event } = await lastN('patient=ann&code=2339-0');
  assert.equal([event?.patients, event?.query], [['Patient/ann'], 'patient=ann&code=*']);
});

test('an answer that would be too much is refused', async () => {
  // Straight into the index: so many can't be written by hand, and only their number counts.
  await calls.owner`insert into fhir.sp_ref (key, target, rid)
    select key, hashtextextended('Patient/many', 0), (select min(rid) from fhir.resource) + n
    from (select distinct r.key from fhir.sp_ref r where r.target = hashtextextended('Patient/ann', 0)) k, generate_series(1, 20001) n`;
  const { status, text } = await lastN('patient=many');
  assert.is(status, 413, text);
});

test.run();
