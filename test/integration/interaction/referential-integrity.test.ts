import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
let fhir: FhirProcess;
let other: FhirProcess;

test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  const rules = { REFERENTIAL_INTEGRITY: 'on', FHIR_CONDITIONAL_DELETE: 'multiple', DATABASE_POOL: '1' };
  [fhir, other] = await Promise.all([startFhir(database.appUrl, rules), startFhir(database.appUrl, rules)]);
});

test.after(async () => {
  await Promise.all([fhir.stop(), other.stop()]);
  await database.drop();
  await server.stop();
});

const patient = (id: string): object => ({ resourceType: 'Patient', id });
const flag = (id: string, subject: string): object => ({
  resourceType: 'Flag',
  id,
  status: 'active',
  code: { text: 'x' },
  subject: { reference: subject },
});
const put = (resource: object, on = fhir): Promise<Answer> => {
  const { resourceType, id } = resource as { resourceType: string; id: string };
  return on.request(`/${resourceType}/${id}`, { method: 'PUT', body: resource });
};
const remove = (path: string, on = fhir): Promise<Answer> => on.request(path, { method: 'DELETE' });
const entry = (method: string, url: string, resource?: object): object => ({ request: { method, url }, ...(resource && { resource }) });
const transaction = (...entries: readonly object[]): Promise<Answer> =>
  fhir.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry: entries } });

test('a write that refers to nothing is refused and names the element', async () => {
  const refused = await put(flag('f1', 'Patient/p1'));
  assert.is(refused.status, 422);
  assert.match(refused.json.issue[0].diagnostics, /Flag\.subject refers to Patient\/p1/);
  assert.equal(refused.json.issue[0].expression, ['Flag.subject']);
  assert.is((await fhir.request('/Flag/f1')).status, 404, 'nothing was stored');
  await put(patient('p1'));
  assert.is((await put(flag('f1', 'Patient/p1'))).status, 201);
  assert.is((await put(flag('f2', 'http://localhost/fhir/Patient/p9'))).status, 422, 'an absolute address of this server');
  assert.is((await put(flag('f2', 'http://elsewhere.example/fhir/Patient/p9'))).status, 201);
  assert.is((await put(flag('f3', 'Patient/p1/_history/1'))).status, 201);
});

test('what is referred to cannot be deleted', async () => {
  const refused = await remove('/Patient/p1');
  assert.is(refused.status, 409);
  assert.match(refused.json.issue[0].diagnostics, /Patient\/p1 can't be deleted, since Flag\/f\d refers to it/);
  assert.is((await fhir.request('/Patient/p1')).status, 200);
  for (const id of ['f1', 'f3']) await remove(`/Flag/${id}`);
  assert.is((await remove('/Patient/p1')).status, 204);
  assert.is((await put(flag('f1', 'Patient/p1'))).status, 422, 'what is deleted is not there');
});

test('what a contained resource refers to hides no other one that does', async () => {
  await put(patient('q'));
  const observation = { resourceType: 'Observation', id: 'o', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/q' } };
  const contained = Array.from({ length: 50 }, (_, i) => ({ ...observation, id: `o${i}` }));
  const given = { resourceType: 'List', id: 'l', status: 'current', mode: 'working', contained };
  const list = await put({ ...given, entry: contained.map(({ id }) => ({ item: { reference: `#${id}` } })) });
  assert.is(list.status, 201, list.text);
  await put(flag('last', 'Patient/q'));
  const refused = await remove('/Patient/q');
  assert.is(refused.status, 409, refused.text);
  assert.match(refused.json.issue[0].diagnostics, /Flag\/last refers to it/);
});

test('a transaction is judged by what there is after all of its entries', async () => {
  const both = await transaction(entry('PUT', 'Flag/t1', flag('t1', 'Patient/t1')), entry('PUT', 'Patient/t1', patient('t1')));
  assert.is(both.status, 200, both.text);
  assert.is((await transaction(entry('DELETE', 'Patient/t1'))).status, 409);
  const read = entry('GET', 'Patient?_id=t1');
  const gone = await transaction(entry('DELETE', 'Patient/t1'), entry('DELETE', 'Flag/t1'), read);
  assert.is(gone.status, 200, gone.text);
  const dangling = await transaction(entry('PUT', 'Flag/t2', flag('t2', 'Patient/t1')), read);
  assert.is(dangling.status, 422);
  assert.is((await fhir.request('/Flag/t2')).status, 404);
});

test('it holds when one refers to what another deletes at the same time', async () => {
  for (let round = 0; round < 12; round++) {
    const id = `r${round}`;
    await put(patient(id));
    const [written, removed] = await Promise.all([put(flag(id, `Patient/${id}`)), remove(`/Patient/${id}`, other)]);
    assert.equal(
      [written.status, removed.status].sort(),
      written.status === 201 ? [201, 409] : [204, 422],
      `${written.text} ${removed.text}`,
    );
  }
});

test('a conditional delete takes several where the operator allows it, all or none', async () => {
  const tagged = (id: string): object => ({ ...patient(id), identifier: [{ system: 'urn:t', value: 'many' }] });
  for (const id of ['m1', 'm2', 'm3']) await put(tagged(id));
  await put(flag('m', 'Patient/m2'));
  assert.is((await remove('/Patient?identifier=urn:t|many')).status, 409);
  assert.is((await fhir.request('/Patient/m1')).status, 200);
  await remove('/Flag/m');
  const answer = await transaction(entry('DELETE', 'Patient?identifier=urn:t|many'), entry('GET', 'Patient?identifier=urn:t|many'));
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.entry[0].response.status, '204 No Content');
  assert.is(answer.json.entry[1].resource.total, 0);
  assert.is((await fhir.request('/Patient/m3')).status, 410);
  const { json } = await fhir.request('/metadata');
  const { conditionalDelete, referencePolicy } = json.rest[0].resource[0];
  assert.equal([conditionalDelete, referencePolicy], ['multiple', ['literal', 'local', 'enforced']]);
});

test.run();
