import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type RequestOptions, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const XML = 'application/fhir+xml';
const HEAD = '<?xml version="1.0" encoding="UTF-8"?>';
const inXml = (path: string, { headers, ...options }: RequestOptions = {}): Promise<Answer> =>
  stack.request(path, { ...options, headers: { accept: XML, ...(options.body !== undefined && { 'content-type': XML }), ...headers } });
const isXml = ({ headers, text }: Answer): void => {
  assert.is(headers['content-type'], `${XML}; charset=utf-8`);
  assert.ok(text.startsWith(HEAD), text.slice(0, 100));
};
const patient = (content: string): string => `<Patient xmlns="http://hl7.org/fhir">${content}</Patient>`;
const PATIENT = `<active value="true"/><name><text value="Zoë &quot;Z&quot;&#10;\u{1F600}"/></name><birthDate value="2000-01"><extension url="http://u"><valueDecimal value="1.10"/></extension></birthDate>`;

test('creates from XML, reads as XML and as JSON, and updates', async () => {
  const created = await inXml('/Patient', { body: `${HEAD}\n${patient(PATIENT)}` });
  assert.is(created.status, 201);
  isXml(created);
  const id = /<id value="([^"]+)"\/>/.exec(created.text)![1]!;
  const read = await inXml(`/Patient/${id}`);
  isXml(read);
  assert.is(read.text, created.text);
  assert.match(read.text, /<meta><versionId value="1"\/><lastUpdated value="[^"]+"\/><\/meta><active value="true"\/>/);
  assert.ok(read.text.endsWith(`${PATIENT}</Patient>`), read.text);
  assert.is(read.headers['etag'], 'W/"1"');
  const { json, text } = await stack.request(`/Patient/${id}`);
  assert.is(json.name[0].text, 'Zoë "Z"\n\u{1F600}');
  assert.match(text, /"_birthDate":\{"extension":\[\{"url":"http:\/\/u","valueDecimal":1\.10\}\]\}/);
  const updated = await inXml(`/Patient/${id}`, { method: 'PUT', body: read.text.replace('"true"', '"false"') });
  assert.is(updated.status, 200);
  assert.match(updated.text, /<active value="false"\/>/);
  assert.is((await stack.request(`/Patient/${id}`)).json.meta.versionId, '2');
  const history = await inXml(`/Patient/${id}/_history`);
  isXml(history);
  assert.match(
    history.text,
    /<Bundle xmlns="http:\/\/hl7.org\/fhir">.*<type value="history"\/>.*<resource><Patient><id.*<active value="true"\/>/,
  );
});

test('takes other names of the format, and _format before Accept', async () => {
  for (const type of ['application/xml', 'text/xml', 'application/fhir+xml; charset=utf-8; fhirVersion=4.0']) {
    const answer = await stack.request('/Basic', {
      headers: { 'content-type': type, accept: type },
      body: '<Basic xmlns="http://hl7.org/fhir"><code><text value="a"/></code></Basic>',
    });
    assert.is(answer.status, 201, type);
    isXml(answer);
  }
  for (const format of ['xml', 'application/fhir%2Bxml', 'text/xml']) isXml(await stack.request(`/Basic?_format=${format}`));
  assert.is((await inXml('/Basic?_format=json')).json.resourceType, 'Bundle');
  assert.is((await stack.request('/Basic', { headers: { accept: `${XML};q=0.5, application/fhir+json` } })).json.resourceType, 'Bundle');
  assert.match((await stack.request('/Basic?_format=xml&_pretty=true&_count=1')).text, /\n {2}<entry>\n {4}<fullUrl value="https:/);
});

test('searches, includes, and tells what it can do', async () => {
  await inXml('/Observation/xml-o', {
    method: 'PUT',
    body: '<Observation xmlns="http://hl7.org/fhir"><id value="xml-o"/><status value="final"/><code><text value="c"/></code><subject><reference value="Patient/xml-p"/></subject></Observation>',
  });
  await inXml('/Patient/xml-p', { method: 'PUT', body: patient('<id value="xml-p"/>') });
  const found = await inXml('/Observation?_id=xml-o&_include=Observation:subject&_total=accurate');
  isXml(found);
  assert.match(
    found.text,
    /<type value="searchset"\/><total value="1"\/>.*<mode value="match"\/>.*<Patient><id value="xml-p"\/>.*<mode value="include"\/>/,
  );
  const form = await inXml('/Observation/_search', {
    body: '_id=xml-o',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  });
  isXml(form);
  assert.match(form.text, /<Observation><id value="xml-o"\/>/);
  const part = await inXml('/Observation/xml-o?_elements=status');
  assert.match(part.text, /<code value="SUBSETTED"\/>/);
  const capabilities = await inXml('/metadata');
  isXml(capabilities);
  assert.match(capabilities.text, /<format value="application\/fhir\+xml"\/>/);
});

test('processes a transaction, and answers in XML entry by entry', async () => {
  const answer = await inXml('', {
    body: `<Bundle xmlns="http://hl7.org/fhir"><type value="transaction"/>
      <entry><fullUrl value="urn:uuid:c757873d-ec9a-4326-a141-556f43239520"/><resource>${patient(PATIENT)}</resource>
        <request><method value="POST"/><url value="Patient"/></request></entry>
      <entry><resource><Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="t"/></code>
        <subject><reference value="urn:uuid:c757873d-ec9a-4326-a141-556f43239520"/></subject><valueQuantity><value value="2.50"/></valueQuantity></Observation></resource>
        <request><method value="POST"/><url value="Observation"/></request></entry></Bundle>`,
  });
  assert.is(answer.status, 200, answer.text);
  isXml(answer);
  const [patientAt, observationAt] = [...answer.text.matchAll(/<location value="[^"]*?((?:Patient|Observation)\/[^/"]+)/g)].map(
    (match) => match[1]!,
  );
  const observation = await stack.request(`/${observationAt}`);
  assert.is(observation.json.subject.reference, patientAt);
  assert.match(observation.text, /"value":2\.50/);
});

test('stores an official example with contained resources, and gives it back', async () => {
  const xml = readFileSync('test/data/xml/careplan-example.xml', 'utf8');
  const answer = await inXml('/CarePlan/example', { method: 'PUT', body: xml });
  assert.is(answer.status, 201, answer.text);
  const { json } = await stack.request('/CarePlan/example');
  const published = JSON.parse(readFileSync('test/data/xml/careplan-example.json', 'utf8')) as { contained: object; text: object };
  assert.equal(json.contained, published.contained);
  assert.equal(json.text, published.text);
});

interface Refusal {
  readonly path?: string;
  readonly options?: RequestOptions;
  readonly status: number;
  readonly says: RegExp;
}
const ENTITY = '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/hostname">]>';
const REFUSED: Readonly<Record<string, Refusal>> = {
  'what does not exist': { path: '/Patient/none', options: {}, status: 404, says: /none/ },
  'a type that R4 has not': { path: '/Pacient/1', options: {}, status: 404, says: /Pacient/ },
  'an unknown element': { options: { body: patient('\n<nam/>') }, status: 400, says: /no element nam.*line 2, column 1/ },
  'a wrong value': {
    options: { body: patient('<gender value="m"/>') },
    status: 400,
    says: /<expression value="Patient.gender"\/>/,
  },
  'a DOCTYPE': { options: { body: `${ENTITY}${patient('<id value="&x;"/>')}` }, status: 400, says: /DOCTYPE is not allowed/ },
  'another namespace': { options: { body: '<Patient xmlns="urn:hl7-org:v3"/>' }, status: 400, says: /namespace urn:hl7-org:v3/ },
  'JSON as XML': { options: { body: '{"resourceType":"Patient"}' }, status: 400, says: /text outside of the root element/ },
  'an empty body': { options: { body: '', method: 'POST' }, status: 400, says: /body is empty/ },
  'XML that is 100 000 levels deep': {
    options: { body: patient('<extension url="u">'.repeat(100_000)) },
    status: 400,
    says: /deeper than 100/,
  },
  '20 MB of XML': { options: { body: patient(`<!--${'x'.repeat(20 << 20)}-->`) }, status: 413, says: /larger than/ },
  'a format that is none': {
    options: { body: 'a', headers: { 'content-type': 'text/turtle' } },
    status: 415,
    says: /application\/fhir\+xml/,
  },
};
for (const [name, { path = '/Patient', options, status, says }] of Object.entries(REFUSED)) {
  test(`refuses ${name} in XML`, async () => {
    const answer = await inXml(path, options);
    assert.is(answer.status, status, answer.text);
    isXml(answer);
    assert.match(answer.text, /<OperationOutcome xmlns="http:\/\/hl7.org\/fhir"><issue><severity value="(?:error|fatal)"\/>/);
    assert.match(answer.text, says);
  });
}

test('says in XML what XML cannot hold, and gives it as JSON', async () => {
  const body = '{"resourceType":"Patient","id":"xml-u","name":[{"text":"x\\ufffey"}]}';
  assert.is((await stack.request('/Patient/xml-u', { method: 'PUT', body })).status, 201);
  const answer = await inXml('/Patient/xml-u');
  assert.is(answer.status, 406);
  isXml(answer);
  assert.match(answer.text, /<expression value="Patient.name\[0\].text"\/>/);
  const written = await inXml('/Patient/xml-u', {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: body.replace('x\\', 'z\\'),
  });
  assert.is(written.status, 200);
  assert.is(written.headers['etag'], 'W/"2"');
  isXml(written);
  assert.match(written.text, /<severity value="warning"\/>.*your request was carried out/);
  assert.is((await stack.request('/Patient/xml-u')).json.meta.versionId, '2');
});

test('the refusals of the gateway are XML too', async () => {
  const answer = await inXml('/Patient', { client: 'reader-demo', body: patient('<active value="true"/>') });
  assert.is(answer.status, 403);
  isXml(answer);
  assert.match(answer.text, /<OperationOutcome .*<code value="forbidden"\/>/);
});

test.run();
