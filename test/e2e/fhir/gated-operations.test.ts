import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;

test.before(async () => {
  stack = await startStack();
  for (const body of [
    { resourceType: 'Patient', id: 'ann' },
    { resourceType: 'Observation', id: 'one', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/ann' } },
    {
      resourceType: 'Composition',
      id: 'letter',
      status: 'final',
      type: { text: 'Letter' },
      date: '2024-01-01',
      title: 'Letter',
      author: [{ reference: 'Patient/ann' }],
      section: [{ title: 'a', entry: [{ reference: 'Observation/one' }] }],
    },
  ])
    assert.is((await stack.request(`/${body.resourceType}/${body.id}`, { method: 'PUT', body })).status, 201);
});
test.after(() => stack.stop());

const PATHS = ['/Observation/$lastn?patient=ann', '/Composition/letter/$document'];

test('$lastn and $document are answered through the gate, as JSON and as XML', async () => {
  for (const path of PATHS) {
    const json = await stack.request(path);
    assert.equal([json.status, json.json.resourceType], [200, 'Bundle'], json.text);
    const xml = await stack.request(path, { headers: { accept: 'application/fhir+xml' } });
    assert.is(xml.status, 200, xml.text);
    assert.match(xml.text, /^<\?xml[^>]*><Bundle .*<id value="one"\/>/s);
  }
});

test('Parameters in XML persist a document', async () => {
  const { status, text, headers } = await stack.request('/Composition/letter/$document', {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+xml' },
    body: '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="persist"/><valueBoolean value="true"/></parameter></Parameters>',
  });
  assert.is(status, 200, text);
  assert.match(String(headers['location']), /\/fhir\/Bundle\/[^/]+\/_history\/1$/);
  assert.is((await stack.request(new URL(String(headers['location'])).pathname.slice('/fhir'.length))).status, 200);
});

test('a client whose operations don’t name them is refused by the gate', async () => {
  for (const path of PATHS) assert.is((await stack.request(path, { client: 'reader-demo' })).status, 403, path);
});

test('/metadata offers them', async () => {
  const { json } = await stack.request('/metadata');
  const offered = (type: string): string[] =>
    json.rest[0].resource.find((each: { type: string }) => each.type === type).operation.map(({ name }: { name: string }) => name);
  assert.ok(offered('Observation').includes('lastn'));
  assert.ok(offered('Composition').includes('document'));
});

test.run();
