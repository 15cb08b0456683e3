import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let stored: string;
test.before(async () => {
  stack = await startStack();
  const text =
    '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"µ"},"subject":{"reference":"Patient/p"},"valueQuantity":{"value":1.10}}';
  await stack.request('/Patient/p', {
    method: 'PUT',
    body: { resourceType: 'Patient', id: 'p', name: [{ family: 'Ågren' }], multipleBirthInteger: 2 },
  });
  stored = (await stack.request('/Observation/o', { method: 'PUT', body: text })).text;
});
test.after(() => stack.stop());

const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' };
const says = ({ json }: Answer): string => json.issue[0].diagnostics as string;

test('_pretty=true indents and changes no number', async () => {
  const { text } = await stack.request('/Observation/o?_pretty=true');
  assert.match(text, /^ {4}"value": 1\.10\n/m);
  assert.is(text.replace(/\n */g, '').replaceAll('": ', '":'), stored);
  assert.is((await stack.request('/Observation/o?_pretty=false')).text, stored);
  assert.match((await stack.request('/Observation/none?_pretty=true')).text, /^\{\n {2}"resourceType": "OperationOutcome"/);
});

test('_summary and _elements shape a read, a version, a search by GET and POST, a history and entries of a batch', async () => {
  const keys = ['resourceType', 'id', 'meta', 'status', 'code', 'valueQuantity'];
  const part = (resource: { meta: { tag: object[] } }): void => {
    assert.equal(Object.keys(resource), keys);
    assert.equal(resource.meta.tag, [SUBSETTED]);
  };
  part((await stack.request('/Observation/o?_elements=value')).json);
  part((await stack.request('/Observation/o/_history/1?_elements=value')).json);
  part((await stack.request('/Observation?_id=o&_elements=value')).json.entry[0].resource);
  part((await stack.request('/Observation/o/_history?_elements=value')).json.entry[0].resource);
  const form = await stack.request('/Observation/_search', {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: '_id=o&_elements=value',
  });
  part(form.json.entry[0].resource);
  const entry = [
    { request: { method: 'GET', url: 'Observation/o?_elements=value' } },
    { request: { method: 'GET', url: 'Observation?_id=o&_elements=value' } },
  ];
  const batch = await stack.request('', { body: { resourceType: 'Bundle', type: 'batch', entry } });
  part(batch.json.entry[0].resource);
  part(batch.json.entry[1].resource.entry[0].resource);
  const summary = await stack.request('/Patient/p?_summary=true');
  assert.is(summary.json.multipleBirthInteger, undefined);
  assert.is(summary.json.name[0].family, 'Ågren');
});

test('an included resource stays whole under _elements, and is summed up under _summary', async () => {
  const whole = await stack.request('/Observation?_id=o&_elements=code&_include=Observation:subject');
  assert.is(whole.json.entry[1].resource.multipleBirthInteger, 2);
  const summary = await stack.request('/Observation?_id=o&_summary=true&_include=Observation:subject');
  assert.is(summary.json.entry[1].resource.multipleBirthInteger, undefined);
});

test('refuses unknown elements and _summary=text with _include, before anything is read', async () => {
  const unknown = await stack.request('/Observation?_elements=cdoe');
  assert.is(unknown.status, 400);
  assert.match(says(unknown), /cdoe: Observation has no such element/);
  assert.match(says(await stack.request('/Observation?_summary=text&_include=Observation:subject')), /no _include/);
  assert.is((await stack.request('/Observation/o?_elements=cdoe', { headers: { prefer: 'handling=lenient' } })).status, 200);
});

test('takes back no resource that is tagged SUBSETTED, alone or in a transaction', async () => {
  const resource = (await stack.request('/Patient/p?_summary=true')).json;
  const refused = await stack.request('/Patient/p', { method: 'PUT', body: resource });
  assert.is(refused.status, 422);
  assert.match(says(refused), /SUBSETTED.*without _summary/);
  const entry = [{ resource, request: { method: 'PUT', url: 'Patient/p' } }];
  assert.is((await stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } })).status, 422);
  assert.is((await stack.request('/Patient/p')).json.multipleBirthInteger, 2);
});

test('another FHIR version is refused, in Accept and in a body', async () => {
  const asked = await stack.request('/Patient/p', { headers: { accept: 'application/fhir+json; fhirVersion=3.0' } });
  assert.is(asked.status, 406);
  assert.match(says(asked), /4\.0/);
  const body = { resourceType: 'Basic', code: { text: 'x' } };
  assert.is((await stack.request('/Basic', { body, headers: { 'content-type': 'application/fhir+json;fhirVersion=5.0' } })).status, 415);
  assert.is((await stack.request('/Basic', { body, headers: { 'content-type': 'application/fhir+json;fhirVersion=4.0' } })).status, 201);
});

test('compresses what is worth it, as Accept-Encoding asks, for GET and HEAD alike', async () => {
  const identifier = Array.from({ length: 400 }, (_, i) => ({ system: 'urn:test', value: `number ${i}` }));
  const large = await stack.request('/Patient/large', { method: 'PUT', body: { resourceType: 'Patient', id: 'large', identifier } });
  const bytesOf = async (acceptEncoding: string): Promise<Buffer> => {
    const { headers, bytes, text } = await stack.request('/Patient/large', { headers: { 'accept-encoding': acceptEncoding } });
    const head = await stack.request('/Patient/large', { method: 'HEAD', headers: { 'accept-encoding': acceptEncoding } });
    assert.equal([head.status, head.text], [200, '']);
    for (const name of ['content-encoding', 'content-length', 'content-type', 'etag', 'vary', 'cache-control']) {
      assert.is(head.headers[name], headers[name], name);
    }
    assert.is(headers['vary'], 'accept, accept-encoding');
    assert.is(Number(headers['content-length']), bytes.length);
    if (headers['content-encoding'] === undefined) assert.is(text, large.text);
    return headers['content-encoding'] === 'br'
      ? brotliDecompressSync(bytes)
      : headers['content-encoding'] === 'gzip'
        ? gunzipSync(bytes)
        : bytes;
  };
  for (const accepted of ['gzip', 'gzip, deflate, br, zstd', 'br;q=0, gzip;q=0.5', 'identity', 'gzip;q=0, *;q=0']) {
    assert.is((await bytesOf(accepted)).toString(), large.text, accepted);
  }
  const codingOf = async (path: string, acceptEncoding: string): Promise<unknown> =>
    (await stack.request(path, { headers: { 'accept-encoding': acceptEncoding } })).headers['content-encoding'];
  assert.is(await codingOf('/Patient/large', 'gzip, br'), 'br');
  assert.is(await codingOf('/Patient/large', 'gzip'), 'gzip');
  assert.is(await codingOf('/Patient/large', 'br;q=0.1, gzip'), 'gzip');
  assert.is(await codingOf('/Patient/p', 'gzip'), undefined, 'too small to be worth it');
});

test('every answer says that no cache keeps it and no browser may guess what it is, and none tells what serves it', async () => {
  for (const path of ['/Patient/p', '/Patient', '/Patient/none', '/Pacient', '/Patient/p?_format=none', '/$none']) {
    const { headers } = await stack.request(path);
    assert.is(headers['cache-control'], 'no-store', path);
    assert.is(headers['x-content-type-options'], 'nosniff', path);
    assert.equal([headers['server'], headers['x-powered-by']], [undefined, undefined]);
  }
  const { headers } = await stack.request('/metadata');
  assert.equal([headers['cache-control'], headers['x-content-type-options']], ['private, max-age=10', 'nosniff']);
});

test.run();
