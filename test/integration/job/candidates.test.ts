import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCandidates } from '../../../fhir/job/export/candidates.ts';
import { openServer } from '../../../fhir/open-server.ts';
import type { Server } from '../../../fhir/server.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let fhir: FhirProcess;
let opened: { server: Server; close: () => Promise<void> };
let owner: postgres.Sql;

const observation = (id: string, patient: string): object => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: { reference: `Patient/${patient}` },
});
const put = async (id: string, patient: string): Promise<void> => {
  const { status, text } = await fhir.request(`/Observation/${id}`, { method: 'PUT', body: observation(id, patient) });
  assert.ok(status < 300, text);
};

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  fhir = await startFhir(database.appUrl);
  opened = await openServer({ databaseUrl: database.appUrl, pool: 1, baseUrl: 'http://localhost/fhir' });
  owner = postgres(database.ownerUrl, { max: 1 });
  for (const id of ['a', 'b']) await fhir.request(`/Patient/${id}`, { method: 'PUT', body: { resourceType: 'Patient', id } });
  for (const [id, patient] of Object.entries({ mine: 'a', moved: 'a', gone: 'a', foreign: 'b', late: 'b' })) await put(id, patient);
  await owner`update fhir.resource set updated = now() - interval '2 days'`;
});
test.after(async () => {
  await owner.end();
  await opened.close();
  await fhir.stop();
  await database.drop();
  await cluster.stop();
});

const found = async (type: string, sinceMs?: number): Promise<string[]> => {
  const wanted = { type, patients: ['a'], after: 0, atMs: Date.now(), sinceMs };
  const { rids, hasMore } = await readCandidates(opened.server, wanted);
  assert.is(hasMore, false);
  const rows = await owner<{ id: string }[]>`select id from fhir.resource where rid = any(${rids as number[]}::bigint[]) order by rid`;
  return rows.map(({ id }) => id).sort();
};

test('looks at what the index has of the patients, and at nothing else', async () => {
  assert.equal(await found('Observation'), ['gone', 'mine', 'moved']);
  assert.equal(await found('Patient'), ['a']);
});

test('looks at what was written since the snapshot too: it may have been of the patients then', async () => {
  await put('moved', 'b');
  assert.equal(await found('Observation'), ['gone', 'mine', 'moved']);
});

test('looks at Provenances of what is of the patients, or was when the snapshot was taken', async () => {
  const about = async (id: string, target: string): Promise<void> => {
    const body = {
      resourceType: 'Provenance',
      id,
      target: [{ reference: target }],
      recorded: '2024-01-01T00:00:00Z',
      agent: [{ who: { display: 'x' } }],
    };
    assert.is((await fhir.request(`/Provenance/${id}`, { method: 'PUT', body })).status, 201);
  };
  await about('of-a', 'Patient/a');
  await about('of-mine', 'Observation/mine/_history/1');
  await about('of-foreign', 'Observation/foreign');
  await about('of-moved', 'Observation/moved');
  await about('of-late', 'Observation/late');
  await owner`update fhir.resource set updated = now() - interval '1 day' where type = ${opened.server.registry.typeId('Provenance')}`;
  assert.equal(await found('Provenance'), ['of-a', 'of-mine', 'of-moved']);
  await fhir.request('/Observation/late', { method: 'DELETE' });
  assert.equal(await found('Provenance'), ['of-a', 'of-late', 'of-mine', 'of-moved'], 'what is deleted now was there then');
});

test('looks at what was deleted since the moment that the client asks for', async () => {
  await fhir.request('/Observation/gone', { method: 'DELETE' });
  await owner`update fhir.resource set updated = now() - interval '1 day' where id in ('gone', 'moved', 'late')`;
  assert.equal(await found('Observation'), ['mine']);
  assert.equal(await found('Observation', Date.now() - 2 * 86_400_000), ['gone', 'late', 'mine']);
});

test.run();
