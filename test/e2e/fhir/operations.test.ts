import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

test('answers $meta with the tags of a resource', async () => {
  const created = await stack.request('/Basic', {
    body: { resourceType: 'Basic', code: { text: 'x' }, meta: { tag: [{ system: 'http://example.org', code: 'a' }] } },
  });
  const { status, json } = await stack.request(`/Basic/${created.json.id}/$meta`);
  assert.is(status, 200);
  assert.is(json.parameter[0].name, 'return');
  assert.equal(json.parameter[0].valueMeta.tag, [{ system: 'http://example.org', code: 'a' }]);
  assert.is((await stack.request('/Basic/nobody/$meta')).status, 404);
});

test('answers $versions with the one that is served, on the system alone', async () => {
  const { status, json } = await stack.request('/$versions');
  assert.is(status, 200);
  assert.equal(json.parameter, [
    { name: 'version', valueCode: '4.0' },
    { name: 'default', valueCode: '4.0' },
  ]);
  assert.is((await stack.request('/Patient/$versions')).status, 404);
});

test('$convert answers a resource in the format that is accepted, and stores nothing', async () => {
  const json = '{"resourceType": "Patient", "id": "converted", "extension": [{"url": "http://example.org/x", "valueDecimal": 1.10}]}';
  const convert = (body: string, from: string, to: string): Promise<Answer> =>
    stack.request('/$convert', { body, headers: { 'content-type': `application/fhir+${from}`, accept: `application/fhir+${to}` } });
  assert.is((await convert(json, 'json', 'json')).text, json);
  const xml = (await convert(json, 'json', 'xml')).text;
  assert.match(xml, /<Patient xmlns="http:\/\/hl7.org\/fhir"><id value="converted"\/><extension .*<valueDecimal value="1.10"\/>/);
  assert.equal((await convert(xml, 'xml', 'json')).json, JSON.parse(json));
  const parameters = `{"resourceType":"Parameters","parameter":[{"name":"input","resource":${json}}]}`;
  assert.is((await convert(parameters, 'json', 'json')).text, json);
  for (const body of ['{"resourceType":"Patient","gender":"x"}', '{"resourceType":"Unicorn"}', '{}', ''])
    assert.is((await convert(body, 'json', 'xml')).status, 400, body);
  assert.is((await stack.request('/Patient/converted')).status, 404);
});

test('says which operations there are where one is asked for that is not', async () => {
  const { status, json } = await stack.request('/Basic/1/$frobnicate');
  assert.is(status, 404);
  assert.match(json.issue[0].diagnostics, /\$frobnicate is not offered here: offered are .*\$meta/);
  const ofOne = await stack.request('/CodeSystem/1/$lookup?code=x');
  assert.match(ofOne.json.issue[0].diagnostics, /\$lookup is not offered here: offered are (?!.*\$lookup).*\$subsumes/);
});

test('an operation needs to be allowed by name, also inside of a Bundle', async () => {
  assert.is((await stack.request('/Basic/1/$meta', { client: 'reader-demo' })).status, 403);
  const { json } = await stack.request('', {
    client: 'reader-demo',
    body: { resourceType: 'Bundle', type: 'batch', entry: [{ request: { method: 'GET', url: 'Basic/1/$meta' } }] },
  });
  assert.is(json.entry[0].response.status, '403 Forbidden');
  assert.match(json.entry[0].response.outcome.issue[0].diagnostics, /may not call \$meta/);
});

test('the capability statement lists operations with their definitions', async () => {
  const { json } = await stack.request('/metadata');
  const basic = json.rest[0].resource.find(({ type }: { type: string }) => type === 'Basic');
  assert.ok(
    basic.operation.some(({ name, definition }: { name: string; definition: string }) => name === 'meta' && definition.endsWith('-meta')),
  );
});

test.run();
