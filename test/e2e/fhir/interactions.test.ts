import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const put = (path: string, resource: object, headers: Record<string, string> = {}): Promise<Answer> =>
  stack.request(path, { method: 'PUT', body: resource, headers });

test('keeps JSON to the byte, but for id and meta', async () => {
  const text = '{ "resourceType":"Observation",\n "status":"final","code":{"text":"x"}, "valueQuantity":{"value":1.10,"unit":"\\u00b5g"} }';
  const created = await stack.request('/Observation', { body: text });
  assert.is(created.status, 201);
  assert.ok(created.text.includes(', "valueQuantity":{"value":1.10,"unit":"\\u00b5g"} }'), created.text);
  const { id } = created.json;
  assert.is((await stack.request(`/Observation/${id}`)).text, created.text);
  assert.is(created.headers['location'], `${stack.system.state.baseUrl}/Observation/${id}/_history/1`);
  assert.is(created.headers['etag'], 'W/"1"');
  assert.ok(created.headers['last-modified']);
});

test('a resource lives through its versions, and its history tells them', async () => {
  assert.is((await put('/Patient/a', { resourceType: 'Patient', id: 'a', active: true })).status, 201);
  assert.is(
    (await put('/Patient/a', { resourceType: 'Patient', id: 'a', active: false }, { 'if-match': 'W/"1"' })).headers['etag'],
    'W/"2"',
  );
  assert.is(
    (await put('/Patient/a', { resourceType: 'Patient', id: 'a', active: false })).headers['etag'],
    'W/"2"',
    'nothing changed: no version',
  );
  assert.is((await stack.request('/Patient/a', { method: 'DELETE' })).status, 204);
  assert.is((await stack.request('/Patient/a')).status, 410);
  assert.is((await stack.request('/Patient/a/_history/1')).json.active, true);
  assert.is((await stack.request('/Patient/a/_history/3')).status, 410);
  assert.is((await put('/Patient/a', { resourceType: 'Patient', id: 'a', active: true })).headers['etag'], 'W/"4"');
  const history = await stack.request('/Patient/a/_history');
  assert.is(history.json.total, 4);
  assert.equal(
    history.json.entry.map((entry: { request: { method: string } }) => entry.request.method),
    ['PUT', 'DELETE', 'PUT', 'POST'],
  );
});

test('history of a type and of the server pages without repeating or dropping', async () => {
  for (let i = 0; i < 7; i++)
    await put(`/Goal/g${i}`, {
      resourceType: 'Goal',
      id: `g${i}`,
      lifecycleStatus: 'active',
      description: { text: 'x' },
      subject: { reference: 'Patient/a' },
    });
  await stack.settled();
  const seen: string[] = [];
  for (let url: string | undefined = '/Goal/_history?_count=3'; url !== undefined;) {
    const page: Answer = await stack.request(url);
    seen.push(...page.json.entry.map((entry: { resource: { id: string } }) => entry.resource.id));
    url = page.json.link.find((link: { relation: string }) => link.relation === 'next')?.url;
  }
  assert.equal(seen, ['g6', 'g5', 'g4', 'g3', 'g2', 'g1', 'g0']);
  assert.is((await stack.request('/_history?_count=2')).json.entry.length, 2);
});

test('a read answers 304 where the client has the version already', async () => {
  await put('/Patient/c', { resourceType: 'Patient', id: 'c' });
  assert.is((await stack.request('/Patient/c', { headers: { 'if-none-match': 'W/"1"' } })).status, 304);
  assert.is((await stack.request('/Patient/c', { headers: { 'if-none-match': 'W/"2"' } })).status, 200);
});

test('of many conditional creates at once one creates and the others find it', async () => {
  const headers = { 'if-none-exist': 'identifier=urn:test|once' };
  const body = { resourceType: 'Patient', identifier: [{ system: 'urn:test', value: 'once' }] };
  const answers = await Promise.all(Array.from({ length: 12 }, () => stack.request('/Patient', { body, headers })));
  assert.is(answers.filter(({ status }) => status === 201).length, 1);
  assert.is(answers.filter(({ status }) => status === 200).length, 11);
  assert.is(new Set(answers.map(({ json }) => json.id)).size, 1);
});

test('a conditional update creates, updates, and refuses where several match', async () => {
  const body = { resourceType: 'Device', identifier: [{ system: 'urn:test', value: 'd' }] };
  assert.is((await put('/Device?identifier=urn:test|d', body)).status, 201);
  assert.is((await put('/Device?identifier=urn:test|d', { ...body, status: 'active' })).status, 200);
  await stack.request('/Device', { body });
  assert.is((await put('/Device?identifier=urn:test|d', body)).status, 412);
});

test('of many updates at once each is a version of its own', async () => {
  await put('/Basic/n', { resourceType: 'Basic', id: 'n', code: { text: 'start' } });
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, i) => put('/Basic/n', { resourceType: 'Basic', id: 'n', code: { text: `by ${i}` } })),
  );
  assert.equal(
    [...new Set(answers.map(({ status }) => status))].filter((status) => status !== 200 && status !== 409),
    [],
  );
  const versions = answers.filter(({ status }) => status === 200).map(({ json }) => Number(json.meta.versionId));
  assert.is(new Set(versions).size, versions.length);
  assert.is((await stack.request('/Basic/n/_history')).json.total, 1 + versions.length);
});

test('a transaction resolves urn:uuid and conditional references, and only references', async () => {
  await put('/Organization/o1', { resourceType: 'Organization', id: 'o1', identifier: [{ system: 'urn:org', value: '1' }], name: 'One' });
  const uuid = 'urn:uuid:0b5e9a52-6c1c-4a1b-9f2a-2f2f6f1f0a01';
  const bundle = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        fullUrl: uuid,
        resource: {
          resourceType: 'Patient',
          identifier: [{ system: 'urn:ietf:rfc:3986', value: uuid }],
          managingOrganization: { reference: 'Organization?identifier=urn:org|1' },
        },
        request: { method: 'POST', url: 'Patient' },
      },
      {
        resource: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: uuid } },
        request: { method: 'POST', url: 'Observation' },
      },
      { request: { method: 'GET', url: 'Organization?identifier=urn:org|1' } },
      { request: { method: 'DELETE', url: 'Device/none' } },
    ],
  };
  const answer = await stack.request('', { body: bundle });
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.type, 'transaction-response');
  const [patientAt, observationAt, found] = answer.json.entry;
  const patientPath = new URL(patientAt.response.location).pathname.replace('/fhir', '').replace(/\/_history.*/, '');
  const patient = (await stack.request(patientPath)).json;
  assert.is(patient.managingOrganization.reference, 'Organization/o1');
  assert.is(patient.identifier[0].value, uuid);
  const observation = (await stack.request(new URL(observationAt.response.location).pathname.replace('/fhir', ''))).json;
  assert.is(observation.subject.reference, `Patient/${patient.id}`);
  assert.is(found.resource.total, 1);
});

test('a transaction with a conditional reference to nothing stores nothing', async () => {
  const body = {
    resourceType: 'Bundle',
    type: 'transaction',
    entry: [
      {
        resource: { resourceType: 'Linkage', item: [{ type: 'source', resource: { reference: 'Patient?identifier=urn:none|1' } }] },
        request: { method: 'POST', url: 'Linkage' },
      },
    ],
  };
  const answer = await stack.request('', { body });
  assert.is(answer.status, 412);
  assert.is((await stack.request('/Linkage?_summary=count')).json.total, 0);
});

test('Prefer decides what a write answers with', async () => {
  const body = { resourceType: 'Basic', code: { text: 'x' } };
  const minimal = await stack.request('/Basic', { body, headers: { prefer: 'return=minimal' } });
  assert.equal([minimal.status, minimal.text], [201, '']);
  const outcome = await stack.request('/Basic', { body, headers: { prefer: 'return=OperationOutcome' } });
  assert.is(outcome.json.resourceType, 'OperationOutcome');
});

test('the capabilities name every resource type and what can be searched', async () => {
  const { json } = await stack.request('/metadata');
  assert.is(json.fhirVersion, '4.0.1');
  const patient = json.rest[0].resource.find(({ type }: { type: string }) => type === 'Patient');
  assert.ok(json.rest[0].resource.length > 140);
  assert.ok(patient.searchParam.some(({ name }: { name: string }) => name === 'birthdate'));
});

test.run();
