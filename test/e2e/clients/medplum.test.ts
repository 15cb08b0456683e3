import { MedplumClient, OperationOutcomeError } from '@medplum/core';
import { Agent, fetch as undiciFetch } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stack, startStack } from '../../support/stack.ts';

type Found = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- its types come from a package of their own

let stack: Stack;
let client: MedplumClient;
test.before(async () => {
  stack = await startStack();
  const dispatcher = new Agent({ connect: stack.tls('ehr-demo') });
  client = new MedplumClient({
    baseUrl: stack.system.state.baseUrl.replace(/fhir$/, ''),
    fhirUrlPath: 'fhir/',
    cacheTime: 0,
    fetch: ((url: string, options: object) => undiciFetch(url, { ...options, dispatcher })) as never,
  });
});
test.after(() => stack.stop());

const patient = (family: string): Found => ({
  resourceType: 'Patient',
  name: [{ family }],
  identifier: [{ system: 'urn:medplum', value: family }],
});

test("Medplum's client, unmodified, creates, reads, updates, finds again and deletes", async () => {
  const created = (await client.createResource(patient('Med') as never)) as Found;
  const id = created['id'] as string;
  assert.equal(await client.readResource('Patient', id), created);
  const updated = (await client.updateResource({ ...created, active: true } as never)) as Found;
  assert.is(updated['meta'].versionId, '2');
  assert.is(((await client.readVersion('Patient', id, '1')) as Found)['active'], undefined);
  assert.is(((await client.readHistory('Patient', id)) as Found)['entry'].length, 2);
  const found = (await client.searchOne('Patient', 'identifier=urn:medplum|Med')) as Found;
  assert.is(found['id'], id);
  const again = (await client.createResourceIfNoneExist(patient('Med') as never, 'identifier=urn:medplum|Med')) as Found;
  assert.is(again['id'], id);
  await client.deleteResource('Patient', id);
  const gone = await client.readResource('Patient', id).catch((error: unknown) => error);
  assert.instance(gone, OperationOutcomeError);
  assert.is((gone as OperationOutcomeError).outcome.issue![0]!.code, 'deleted');
});

test("Medplum's client searches page by page, and upserts", async () => {
  for (const family of ['PageA', 'PageB', 'PageC']) await client.createResource(patient(family) as never);
  const seen: string[] = [];
  for await (const page of client.searchResourcePages('Patient', 'family=page&_sort=family&_count=2'))
    for (const each of page as Found[]) seen.push(each['name'][0].family as string);
  assert.equal(seen, ['PageA', 'PageB', 'PageC']);
  const upserted = (await client.upsertResource({ ...patient('PageB'), active: true } as never, 'identifier=urn:medplum|PageB')) as Found;
  assert.equal([upserted['active'], upserted['meta'].versionId], [true, '2']);
});

test("Medplum's client sends a batch, and understands a refusal", async () => {
  const entry = ['BatchA', 'BatchB'].map((family) => ({ resource: patient(family), request: { method: 'POST', url: 'Patient' } }));
  const answer = (await client.executeBatch({ resourceType: 'Bundle', type: 'batch', entry } as never)) as Found;
  assert.equal(
    answer['entry'].map((each: Found) => (each['response'].status as string).slice(0, 3)),
    ['201', '201'],
  );
  const refused = await client.createResource({ ...patient('x'), gender: 'nobody' } as never).catch((error: unknown) => error);
  assert.instance(refused, OperationOutcomeError);
  assert.match((refused as OperationOutcomeError).message, /gender/);
});

test("Medplum's client patches, and a patch of another version is refused", async () => {
  const { id } = (await client.createResource({ ...patient('Patched'), gender: 'male' } as never)) as Found;
  const patched = (await client.patchResource('Patient', id, [
    { op: 'test', path: '/meta/versionId', value: '1' },
    { op: 'replace', path: '/gender', value: 'female' },
  ])) as Found;
  assert.equal([patched['gender'], patched['meta'].versionId], ['female', '2']);
  const refused = await client
    .patchResource('Patient', id, [{ op: 'test', path: '/meta/versionId', value: '1' }])
    .catch((error: unknown) => error);
  assert.instance(refused, OperationOutcomeError);
});

test("Medplum's client reads everything of a patient", async () => {
  const { id } = (await client.createResource(patient('Everything') as never)) as Found;
  const subject = { reference: `Patient/${id}` };
  await client.createResource({ resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject } as never);
  const all = (await client.readPatientEverything(id)) as Found;
  assert.equal(all['entry'].map((each: Found) => each['resource'].resourceType).sort(), ['Observation', 'Patient']);
});

test("Medplum's client has a resource validated", async () => {
  const good = (await client.validateResource(patient('Valid') as never)) as Found;
  assert.equal(
    good['issue'].filter((each: Found) => each['severity'] === 'error'),
    [],
  );
  const bad = (await client
    .validateResource({ ...patient('Invalid'), gender: 'nobody' } as never)
    .catch((error: OperationOutcomeError) => error.outcome)) as Found;
  assert.match(JSON.stringify(bad['issue'].find((each: Found) => each['severity'] === 'error')), /gender/);
});

test.run();
