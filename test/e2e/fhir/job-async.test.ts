import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobDone } from '../../support/job.ts';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  for (const id of ['a', 'b'])
    await stack.request(`/Patient/${id}`, { method: 'PUT', body: { resourceType: 'Patient', id, active: true } });
});
test.after(() => stack.stop());

const LATER = { prefer: 'respond-async' };

test('a search is answered later where the client prefers that', async () => {
  const begun = await stack.request('/Patient?active=true', { headers: LATER });
  assert.match(begun.headers['content-location'] as string, /\/fhir\/\$async\/[0-9a-f-]{36}$/);
  assert.ok(Number(begun.headers['retry-after']) > 0);
  const { status, json } = await jobDone(stack, begun);
  assert.is(status, 200);
  assert.is(json.type, 'batch-response');
  assert.is(json.entry[0].response.status, '200 OK');
  assert.is(json.entry[0].resource.entry.length, 2);
});

test('so is one by POST, and an operation that reads', async () => {
  const form = await jobDone(
    stack,
    await stack.request('/Patient/_search', { body: '_id=a', headers: { ...LATER, 'content-type': 'application/x-www-form-urlencoded' } }),
  );
  assert.is(form.json.entry[0].resource.entry[0].resource.id, 'a');
  const everything = await jobDone(stack, await stack.request('/Patient/a/$everything', { headers: LATER }));
  assert.is(everything.json.entry[0].resource.entry[0].resource.id, 'a');
});

test('what is wrong with it is told in its result', async () => {
  const { status, json } = await jobDone(stack, await stack.request('/Patient?colour=red', { headers: LATER }));
  assert.is(status, 200);
  assert.is(json.entry[0].response.status, '400 Bad Request');
  assert.match(json.entry[0].response.outcome.issue[0].diagnostics, /colour/);
});

test('a read, a write and entries of a Bundle are answered at once', async () => {
  assert.is((await stack.request('/Patient/a', { headers: LATER })).status, 200);
  assert.is((await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } }, headers: LATER })).status, 201);
  const { json } = await stack.request('', {
    body: { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: 'Patient?active=true' } }] },
    headers: LATER,
  });
  assert.is(json.entry[0].resource.type, 'searchset');
});

test('a client has ten jobs waiting at most', async () => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => stack.request('/Patient?_id=a', { headers: LATER })));
  const refused = answers.find(({ status }) => status === 429);
  assert.ok(refused, 'one of many is refused');
  assert.match(refused.json.issue[0].diagnostics, /10 jobs waiting/);
  assert.ok(refused.headers['retry-after']);
});

test.run();
