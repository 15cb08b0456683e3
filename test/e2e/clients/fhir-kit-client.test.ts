import { Client } from 'fhir-kit-client';
import { Agent, setGlobalDispatcher } from 'undici';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let client: Client;
test.before(async () => {
  stack = await startStack();
  // The library uses fetch as it is; the certificate is given to what is behind it.
  setGlobalDispatcher(new Agent({ connect: stack.tls('ehr-demo') }));
  client = new Client({ baseUrl: stack.system.state.baseUrl });
});
test.after(() => stack.stop());

type Found = Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- the library's own types say no more

test('fhir-kit-client, unmodified, creates, reads, updates, searches, pages and deletes', async () => {
  const capabilities = (await client.capabilityStatement()) as Found;
  assert.is(capabilities['fhirVersion'], '4.0.1');
  const created = (await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', name: [{ family: 'Kit' }] } })) as Found;
  const id = created['id'] as string;
  assert.equal(await client.read({ resourceType: 'Patient', id }), created);
  await client.update({ resourceType: 'Patient', id, body: { ...created, resourceType: 'Patient', gender: 'other' } });
  assert.is(((await client.vread({ resourceType: 'Patient', id, version: '1' })) as Found)['gender'], undefined);
  const history = (await client.history({ resourceType: 'Patient', id })) as Found;
  assert.is(history['total'], 2);
  await client.create({ resourceType: 'Patient', body: { resourceType: 'Patient', name: [{ family: 'Kitson' }] } });
  const first = (await client.search({ resourceType: 'Patient', searchParams: { family: 'kit', _count: '1' } })) as Found;
  assert.is(first['entry'].length, 1);
  const second = (await client.nextPage({ bundle: first as never })) as Found;
  assert.is(second['entry'][0].resource.name[0].family, 'Kitson');
  const answer = (await client.transaction({
    body: { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'GET', url: `Patient/${id}` } }] } as never,
  })) as Found;
  assert.is(answer['entry'][0].resource.id, id);
  await client.delete({ resourceType: 'Patient', id });
  let status = 0;
  await client.read({ resourceType: 'Patient', id }).catch((error: { response: { status: number; data: Found } }) => {
    status = error.response.status;
    assert.is(error.response.data['resourceType'], 'OperationOutcome');
  });
  assert.is(status, 410);
});

test.run();
