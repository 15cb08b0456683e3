import { once } from 'node:events';
import { connect } from 'node:tls';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type RequestOptions, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  await stack.request('/Patient/p1', { method: 'PUT', body: { resourceType: 'Patient', id: 'p1', active: true } });
});
test.after(() => stack.stop());

interface Case {
  readonly path: string;
  readonly options?: RequestOptions;
  readonly status: number;
  readonly says: RegExp;
}

const patient = (body: string | Buffer | object): Pick<Case, 'path' | 'options'> => ({ path: '/Patient', options: { body } });
const CASES: Readonly<Record<string, Case>> = {
  'malformed JSON': { ...patient('{"resourceType":"Patient",'), status: 400, says: /not valid JSON.*line 1, column 27/ },
  'an empty body': { ...patient(''), status: 400, says: /body is empty/ },
  'another resourceType than the address': {
    ...patient({ resourceType: 'Observation' }),
    status: 400,
    says: /resourceType is "Observation"/,
  },
  'no resourceType': { ...patient({ active: true }), status: 400, says: /resourceType/ },
  'an unknown resource type': { path: '/Pacient/1', status: 404, says: /Pacient is no FHIR R4 resource type/ },
  'an unknown element': { ...patient({ resourceType: 'Patient', nmae: [] }), status: 400, says: /no element nmae/ },
  'a code outside of its required binding': {
    ...patient({ resourceType: 'Patient', gender: 'm' }),
    status: 400,
    says: /male, other, unknown/,
  },
  'a date that is none': { ...patient({ resourceType: 'Patient', birthDate: '2024-02-30' }), status: 400, says: /should be a date/ },
  'a missing required element': {
    path: '/Observation',
    options: { body: { resourceType: 'Observation', status: 'final' } },
    status: 400,
    says: /code is required/,
  },
  'a body of 20 MB': { ...patient(`{"resourceType":"Patient","id":"${'x'.repeat(20 << 20)}"}`), status: 413, says: /larger than/ },
  'JSON that is 10 000 levels deep': {
    ...patient(`{"resourceType":"Patient","extension":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
    status: 400,
    says: /deeper than 100/,
  },
  'bytes that are no UTF-8': { ...patient(Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x7d])), status: 400, says: /UTF-8/ },
  'a member that comes twice': { ...patient('{"resourceType":"Patient","active":true,"active":false}'), status: 400, says: /same name/ },
  'an unknown search parameter': { path: '/Patient?nmae=x', status: 400, says: /no search parameter nmae: it has .*, name,/ },
  'an unknown modifier': { path: '/Patient?name:like=x', status: 400, says: /modifier :like/ },
  'a search date that is none': { path: '/Patient?birthdate=yesterday', status: 400, says: /is no date/ },
  'a search number that is none': { path: '/RiskAssessment?probability=high', status: 400, says: /is no number/ },
  'a search parameter named like a member of every object': {
    path: '/Patient?constructor=x',
    status: 400,
    says: /no search parameter constructor/,
  },
  'a search parameter named __proto__': { path: '/Patient?__proto__=x', status: 400, says: /no search parameter __proto__/ },
  'a Bundle whose entry is null': {
    path: '',
    options: { body: { resourceType: 'Bundle', type: 'transaction', entry: null } },
    status: 400,
    says: /Bundle\.entry is an array/,
  },
  'a condition of more than 100 parameters': {
    path: '/Patient',
    options: { method: 'POST', headers: { 'if-none-exist': 'name=a&'.repeat(101) }, body: { resourceType: 'Patient' } },
    status: 413,
    says: /100 parameters/,
  },
  'a query of 20 kB': { path: `/Patient?name=${'a'.repeat(20_000)}`, status: 413, says: /longer than 16384 characters/ },
  'a condition in bytes that could be UTF-8 or Latin-1': {
    path: '/Patient',
    options: { method: 'POST', headers: { 'if-none-exist': 'name=\u00fc' }, body: { resourceType: 'Patient' } },
    status: 400,
    says: /percent-encode/,
  },
  'a transfer coding other than chunked': {
    path: '/Patient',
    options: { method: 'POST', headers: { 'transfer-encoding': 'gzip, chunked' }, body: '{}' },
    status: 501,
    says: /chunked alone is understood/,
  },
  'a malformed _count': { path: '/Patient?_count=many', status: 400, says: /whole number/ },
  'a forged cursor': { path: '/Patient?_cursor=abc', status: 400, says: /_cursor/ },
  'a malformed If-Match': {
    path: '/Patient/p1',
    options: { method: 'PUT', headers: { 'if-match': 'W/3' }, body: { resourceType: 'Patient', id: 'p1' } },
    status: 400,
    says: /If-Match/,
  },
  'an If-Match of an older version': {
    path: '/Patient/p1',
    options: { method: 'PUT', headers: { 'if-match': 'W/"7"' }, body: { resourceType: 'Patient', id: 'p1' } },
    status: 412,
    says: /version 7.*version 1/,
  },
  'a body whose id is not that of the address': {
    path: '/Patient/p1',
    options: { method: 'PUT', body: { resourceType: 'Patient', id: 'p2' } },
    status: 400,
    says: /must be the same/,
  },
  'a malformed percent encoding in the query': { path: '/Patient?name=%ZZ', status: 400, says: /percent/ },
  'a malformed percent encoding in the path': { path: '/Patient/%ZZ', status: 400, says: /./ },
  'a media type that is no FHIR': {
    path: '/Patient',
    options: { method: 'POST', headers: { 'content-type': 'text/csv' }, body: 'a,b' },
    status: 415,
    says: /application\/fhir\+json/,
  },
  'an integer written as 1.0': {
    path: '/Patient',
    options: { method: 'POST', body: '{"resourceType":"Patient","multipleBirthInteger":1.0}' },
    status: 400,
    says: /Patient\.multipleBirthInteger: 1\.0 is a whole number: write it without a fraction/,
  },
  'an integer written as 1.0 in an entry': {
    path: '/',
    options: {
      method: 'POST',
      body: '{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient"},"resource":{"resourceType":"Patient","multipleBirthInteger":1.0}}]}',
    },
    status: 400,
    says: /entry\[0\]\.resource\.multipleBirthInteger|multipleBirthInteger: 1\.0 is a whole number/,
  },
  'an integer written as 1.0 in XML': {
    path: '/Patient',
    options: {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+xml' },
      body: '<Patient xmlns="http://hl7.org/fhir"><multipleBirthInteger value="1.0"/></Patient>',
    },
    status: 400,
    says: /multipleBirthInteger/,
  },
  'a body in another character set': {
    path: '/Patient',
    options: {
      method: 'POST',
      headers: { 'content-type': 'application/fhir+json; charset=iso-8859-1' },
      body: '{"resourceType":"Patient"}',
    },
    status: 415,
    says: /charset=iso-8859-1 can't be read: FHIR is sent in UTF-8/,
  },
  'an import whose body is the data': {
    path: '/$import',
    options: { method: 'POST', headers: { 'content-type': 'application/fhir+ndjson' }, body: '{"resourceType":"Basic"}\n' },
    status: 415,
    says: /NDJSON is read from the import folder only/,
  },
  'an Accept without JSON': {
    path: '/Patient/p1',
    options: { headers: { accept: 'image/png' } },
    status: 406,
    says: /accept application\/fhir\+json/,
  },
  'a resource that is not there': { path: '/Patient/nobody', status: 404, says: /no Patient\/nobody/ },
  'a Bundle of another type': {
    path: '',
    options: { body: { resourceType: 'Bundle', type: 'collection' } },
    status: 400,
    says: /batch or transaction/,
  },
  'a resource posted to the base': {
    path: '',
    options: { body: { resourceType: 'Patient' } },
    status: 400,
    says: /post other resources to their type/,
  },
};

for (const [name, { path, options, status, says }] of Object.entries(CASES)) {
  test(`refuses ${name} with ${status} and an OperationOutcome that says what is wrong`, async () => {
    const answer: Answer = await stack.request(path, options);
    assert.is(answer.status, status, answer.text.slice(0, 300));
    assert.is(answer.json?.resourceType, 'OperationOutcome', answer.text.slice(0, 300));
    assert.match(`${answer.json.issue[0].diagnostics} ${answer.json.issue[0].details?.text ?? ''}`, says);
  });
}

test('stores nothing of a transaction with one bad entry', async () => {
  const entry = (resource: object): object => ({ resource, request: { method: 'POST', url: 'Basic' } });
  const good = { resourceType: 'Basic', code: { text: 'good' } };
  const answer = await stack.request('', {
    body: { resourceType: 'Bundle', type: 'transaction', entry: [entry(good), entry({ resourceType: 'Basic', code: 5 })] },
  });
  assert.is(answer.status, 400);
  assert.match(answer.json.issue[0].expression[0], /^Bundle\.entry\[1\]\.resource\.code/);
  assert.is((await stack.request('/Basic?_summary=count')).json.total, 0);
});

test('stores the good entries of a batch with one bad entry', async () => {
  const entry = (resource: object): object => ({ resource, request: { method: 'POST', url: 'Flag' } });
  const good = { resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: 'Patient/p1' } };
  const answer = await stack.request('', {
    body: { resourceType: 'Bundle', type: 'batch', entry: [entry(good), entry({ resourceType: 'Flag' })] },
  });
  assert.is(answer.status, 200);
  assert.match(answer.json.entry[0].response.status, /^201/);
  assert.match(answer.json.entry[1].response.status, /^400/);
  assert.is(answer.json.entry[1].response.outcome.resourceType, 'OperationOutcome');
  assert.is((await stack.request('/Flag?_summary=count')).json.total, 1);
});

/** The first line of the answer, by a client that reads nothing before it has sent everything. */
const afterSending = async (path: string, contentType: string, body: Buffer): Promise<string> => {
  const { hostname, port, pathname } = new URL(stack.system.state.baseUrl);
  const socket = connect({ host: hostname, port: Number(port), servername: hostname, ...stack.tls('ehr-demo') });
  await once(socket, 'secureConnect');
  const head = [`POST ${pathname}${path} HTTP/1.1`, `host: ${hostname}:${port}`, `content-type: ${contentType}`];
  socket.write([...head, `content-length: ${body.length}`, 'connection: close', '', ''].join('\r\n'));
  for (let at = 0; at < body.length; at += 65_536) {
    if (!socket.write(body.subarray(at, at + 65_536))) await once(socket, 'drain');
  }
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text.split('\r\n', 1)[0]!;
};

test('a large body that is refused unread is answered, not cut off', async () => {
  const body = Buffer.from(`{"resourceType":"Patient","language":"${'x'.repeat(12 << 20)}"}`);
  assert.is(await afterSending('/Patient', 'application/fhir+json', body), 'HTTP/1.1 413 Payload Too Large');
  assert.is(await afterSending('/Patient', 'text/csv', body), 'HTTP/1.1 415 Unsupported Media Type');
  assert.is(await afterSending('/Pacient', 'application/fhir+json', body), 'HTTP/1.1 404 Not Found');
});

test('$validate tells of an integer written as 1.0, alone and in Parameters', async () => {
  const patient = '{"resourceType":"Patient","multipleBirthInteger":1.0}';
  const parameters = `{"resourceType":"Parameters","parameter":[{"name":"mode","valueCode":"create"},{"name":"resource","resource":${patient}}]}`;
  for (const body of [patient, parameters]) {
    const { status, json } = await stack.request('/Patient/$validate', { body });
    assert.is(status, 200);
    assert.match(json.issue[0].diagnostics, /^Patient\.multipleBirthInteger: 1\.0 is a whole number/);
  }
  const right = await stack.request('/Patient/$validate', { body: patient.replace('1.0', '1') });
  assert.not.ok(
    right.json.issue.some(({ severity }: { severity: string }) => severity === 'error'),
    right.text,
  );
});

test.run();
