import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addClient } from '../../support/clients.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const JSON_PATCH = 'application/json-patch+json';
const put = (path: string, resource: object | string): Promise<Answer> => stack.request(path, { method: 'PUT', body: resource });
const patch = (path: string, body: object | string, headers: Record<string, string> = {}): Promise<Answer> =>
  stack.request(path, { method: 'PATCH', body, headers: { 'content-type': JSON_PATCH, ...headers } });
const replacing = (path: string, value: object): object => ({
  resourceType: 'Parameters',
  parameter: [
    {
      name: 'operation',
      part: [
        { name: 'type', valueCode: 'replace' },
        { name: 'path', valueString: path },
        { name: 'value', ...value },
      ],
    },
  ],
});

const URN = 'urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0';

test('a JSON Patch changes what it names, and nothing else to the byte', async () => {
  const text =
    '{ "resourceType":"Observation","id":"o1",\n "status":"final","code":{"text":"x"}, "valueQuantity":{ "value":1.10,"unit":"\\u00b5g"} }';
  await put('/Observation/o1', text);
  const answer = await patch('/Observation/o1', [
    { op: 'test', path: '/status', value: 'final' },
    { op: 'replace', path: '/status', value: 'amended' },
  ]);
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.headers['etag'], 'W/"2"');
  assert.is(answer.json.status, 'amended');
  assert.ok(answer.text.includes('{ "value":1.10,"unit":"\\u00b5g"}'), answer.text);
  assert.is((await stack.request('/Observation?status=amended')).json.total, 1, 'the index follows');
  const again = await patch('/Observation/o1', [{ op: 'replace', path: '/status', value: 'amended' }]);
  assert.is(again.headers['etag'], 'W/"2"', 'nothing changed: no version');
});

test('a FHIRPath Patch changes what it names', async () => {
  await put('/Patient/p1', { resourceType: 'Patient', id: 'p1', birthDate: '1920-01-01' });
  const body = replacing('Patient.birthDate', { valueDate: '1930-01-01' });
  const answer = await patch('/Patient/p1', body, { 'content-type': 'application/fhir+json' });
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.birthDate, '1930-01-01');
  const xml = `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="delete"/></part>
    <part><name value="path"/><valueString value="Patient.birthDate"/></part></parameter></Parameters>`;
  const deleted = await patch('/Patient/p1', xml, { 'content-type': 'application/fhir+xml' });
  assert.equal([deleted.status, deleted.json.birthDate], [200, undefined], deleted.text);
});

test('an XML Patch changes what it names, and nothing else to the byte', async () => {
  const text =
    '{ "resourceType":"Observation","id":"x1",\n "status":"final","code":{"text":"x"}, "valueQuantity":{ "value":1.10,"unit":"\\u00b5g"} }';
  await put('/Observation/x1', text);
  const xml = { 'content-type': 'application/xml-patch+xml; charset=utf-8' };
  const body = '<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Observation/f:status/@value">amended</replace></diff>';
  const answer = await patch('/Observation/x1', body, xml);
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.status, 'amended');
  assert.ok(answer.text.includes('{ "value":1.10,"unit":"\\u00b5g"}'), answer.text);
  assert.is((await patch('/Observation/x1', body, xml)).headers['etag'], 'W/"2"', 'nothing changed: no version');
  const binary = { resourceType: 'Binary', contentType: xml['content-type'], data: Buffer.from(body).toString('base64') };
  const bundle = (type: string): object => ({
    resourceType: 'Bundle',
    type,
    entry: [{ resource: binary, request: { method: 'PATCH', url: 'Observation/x1' } }],
  });
  assert.match((await stack.request('', { body: bundle('batch') })).json.entry[0].response.status, /^200/);
  const transaction = await stack.request('', { body: bundle('transaction') });
  assert.match(transaction.json.entry[0].response.status, /^200/, transaction.text);
});

test('an XML Patch in a transaction calls other entries by their fullUrl and by criteria, wherever an address may stand', async () => {
  await put('/Patient/xt', { resourceType: 'Patient', id: 'xt', identifier: [{ system: 'urn:xt', value: '1' }] });
  await put('/Observation/xt', {
    resourceType: 'Observation',
    id: 'xt',
    status: 'final',
    code: { text: 'x' },
    device: { reference: 'Device/none' },
  });
  const device = { resourceType: 'Device', text: undefined };
  const transaction = (diff: string): Promise<Answer> =>
    stack.request('', {
      body: {
        resourceType: 'Bundle',
        type: 'transaction',
        entry: [
          { fullUrl: URN, resource: device, request: { method: 'POST', url: 'Device' } },
          {
            resource: { resourceType: 'Binary', contentType: 'application/xml-patch+xml', data: Buffer.from(diff).toString('base64') },
            request: { method: 'PATCH', url: 'Observation/xt' },
          },
        ],
      },
    });
  const diff = `<diff xmlns:f="http://hl7.org/fhir">
    <replace sel="f:Observation/f:device/f:reference/@value">${URN}</replace>
    <add sel="f:Observation/f:code" pos="after"><subject xmlns="http://hl7.org/fhir"><reference value="Patient?identifier=urn:xt|1"/></subject></add>
    <add sel="f:Observation/f:status" pos="before"><text xmlns="http://hl7.org/fhir"><status value="additional"/><div
      xmlns="http://www.w3.org/1999/xhtml"><a href="${URN}">it</a></div></text></add>
  </diff>`;
  const answer = await transaction(diff);
  assert.is(answer.status, 200, answer.text);
  const [, id] = /Device\/([^/]+)/.exec(answer.json.entry[0].response.location) ?? [];
  const { json } = await stack.request('/Observation/xt');
  assert.equal([json.device.reference, json.subject.reference], [`Device/${id}`, 'Patient/xt']);
  assert.ok(json.text.div.includes(`href="Device/${id}"`), json.text.div);
  const unknown = await transaction(diff.replaceAll('4c6e0', '4c6e1'));
  assert.is(unknown.status, 400, unknown.text);
  assert.match(unknown.json.issue[0].diagnostics, /Bundle.entry\[1\].*names no entry of this Bundle/);
  const malformed = await transaction('<diff>');
  assert.is(malformed.status, 400, malformed.text);
  assert.match(malformed.json.issue[0].diagnostics, /Bundle.entry\[1\].*not valid XML/);
});

test('a JSON Patch may take the last of what repeats', async () => {
  await put('/Patient/p9', { resourceType: 'Patient', id: 'p9', active: true, name: [{ family: 'a' }] });
  const { status, json, text } = await patch('/Patient/p9', [{ op: 'remove', path: '/name/0' }]);
  assert.is(status, 200, text);
  assert.equal(Object.keys(json).sort(), ['active', 'id', 'meta', 'resourceType']);
  await stack.request('/Patient/p9', { method: 'DELETE' });
});

test('a patch is refused with a reason, and stores nothing', async () => {
  await put('/Patient/p2', { resourceType: 'Patient', id: 'p2', gender: 'male' });
  const refused = async (answer: Promise<Answer>, status: number, says: RegExp): Promise<void> => {
    const { status: is, json, text } = await answer;
    assert.is(is, status, text);
    assert.match(json.issue[0].diagnostics, says);
  };
  await refused(patch('/Patient/p2', [{ op: 'test', path: '/gender', value: 'female' }]), 422, /test of \/gender failed/);
  await refused(patch('/Patient/p2', [{ op: 'replace', path: '/gender', value: 'm' }]), 422, /patched resource is not valid.*male/);
  await refused(patch('/Patient/p2', [{ op: 'replace', path: '/id', value: 'p3' }]), 422, /can't change the id/);
  await refused(patch('/Patient/p2', [{ op: 'replace', path: '/resourceType', value: 'Person' }]), 422, /can't change the resourceType/);
  await refused(patch('/Patient/p2', [{ op: 'remove', path: '/name/0' }]), 422, /patch\[0\]: there is nothing at \/name/);
  await refused(patch('/Patient/p2', '[{"op":'), 400, /not valid JSON/);
  await refused(patch('/Patient/p2', ''), 400, /body is empty/);
  const xml = { 'content-type': 'application/xml-patch+xml' };
  await refused(patch('/Patient/p2', '<diff><add/></diff>', xml), 400, /diff\[0\]: add needs sel/);
  await refused(patch('/Patient/p2', '<diff>', xml), 400, /the patch is not valid XML/);
  await refused(patch('/Patient/p2', '<diff><remove sel="Patient/birthDate"/></diff>', xml), 422, /diff\[0\]: sel leads to nothing/);
  await refused(patch('/Patient/p2', '<diff><replace sel="Patient/gender/@value">m</replace></diff>', xml), 422, /not valid.*male/);
  await refused(patch('/Patient/p2', '<diff><replace sel="Patient/id/@value">p3</replace></diff>', xml), 422, /can't change the id/);
  await refused(patch('/Patient/p2', 'a', { 'content-type': 'text/csv' }), 415, /json-patch\+json/);
  await refused(patch('/Patient/p2', [], { 'if-match': 'W/"9"' }), 412, /version 9.*version 1/);
  await refused(patch('/Patient/nobody', []), 404, /no Patient\/nobody to patch/);
  await stack.request('/Patient/p2', { method: 'DELETE' });
  await refused(patch('/Patient/p2', []), 410, /was deleted/);
  assert.is((await stack.request('/Patient/p2/_history')).json.total, 2);
});

test('a conditional patch finds its resource', async () => {
  await put('/Device/d1', { resourceType: 'Device', id: 'd1', identifier: [{ system: 'urn:d', value: '1' }] });
  const change = [{ op: 'add', path: '/status', value: 'active' }];
  assert.is((await patch('/Device?identifier=urn:d|1', change)).json.status, 'active');
  assert.is((await patch('/Device?identifier=urn:d|2', change)).status, 404);
  await put('/Device/d2', { resourceType: 'Device', id: 'd2', identifier: [{ system: 'urn:d', value: '1' }] });
  assert.is((await patch('/Device?identifier=urn:d|1', change)).status, 412);
  assert.is((await patch('/Device', change)).status, 400);
});

test('patches in a Bundle lie in a Binary or are Parameters', async () => {
  await put('/Patient/b1', { resourceType: 'Patient', id: 'b1', active: false });
  await put('/Patient/b2', { resourceType: 'Patient', id: 'b2', active: false, identifier: [{ system: 'urn:p', value: 'b2' }] });
  const data = Buffer.from('[{"op":"replace","path":"/active","value":true}]').toString('base64');
  const entry = [
    { resource: { resourceType: 'Binary', contentType: JSON_PATCH, data }, request: { method: 'PATCH', url: 'Patient/b1' } },
    {
      resource: replacing('Patient.active', { valueBoolean: true }),
      request: { method: 'PATCH', url: 'Patient?identifier=urn:p|b2', ifMatch: 'W/"1"' },
    },
  ];
  for (const type of ['transaction', 'batch']) {
    const answer = await stack.request('', { body: { resourceType: 'Bundle', type, entry }, headers: { prefer: 'return=representation' } });
    assert.is(answer.status, 200, answer.text);
    assert.is(answer.json.entry[0].resource.active, true);
    if (type === 'transaction') assert.is(answer.json.entry[1].resource.active, true, answer.text);
    else assert.match(answer.json.entry[1].response.status, /^412/, 'it is at version 2 by then');
  }
});

test('a patch needs the scope to change, and the gateway says so', async () => {
  assert.is((await patch('/Patient/p1', [], {})).status, 200);
  const denied = await stack.request('/Patient/p1', {
    method: 'PATCH',
    client: 'reader-demo',
    body: [],
    headers: { 'content-type': JSON_PATCH },
  });
  assert.is(denied.status, 403);
});

test('who may change and not read learns no value by a patch', async () => {
  await addClient(stack, 'writer', { scopes: ['system/Patient.u'] });
  await put('/Patient/s', {
    resourceType: 'Patient',
    id: 's',
    gender: 'female',
    birthDate: '1961-07-09',
    name: [{ use: 'old', family: 'Hidden' }],
  });
  const send = (body: object | string, headers: Record<string, string> = {}, path = '/Patient/s'): Promise<Answer> =>
    stack.request(path, { method: 'PATCH', client: 'writer', body, headers: { 'content-type': JSON_PATCH, ...headers } });
  const changed = await send([{ op: 'replace', path: '/gender', value: 'other' }], { prefer: 'return=representation' });
  assert.is(changed.status, 200, changed.text);
  assert.is(changed.text, '', 'nothing is shown besides');
  const removing = (path: string): object => ({
    resourceType: 'Parameters',
    parameter: [
      {
        name: 'operation',
        part: [
          { name: 'type', valueCode: 'delete' },
          { name: 'path', valueString: path },
        ],
      },
    ],
  });
  const fhir = { 'content-type': 'application/fhir+json' };
  const xml = { 'content-type': 'application/xml-patch+xml' };
  const refused: Answer[] = [
    // True and false guesses are answered alike.
    await send([{ op: 'test', path: '/birthDate', value: '1961-07-09' }]),
    await send([{ op: 'test', path: '/birthDate', value: '1961-07-10' }]),
    // Their refusal would quote the birth date.
    await send([{ op: 'copy', from: '/birthDate', path: '/gender' }]),
    await send([{ op: 'move', from: '/birthDate', path: '/gender' }]),
    await send(removing("Patient.name.where(family = 'Hidden').use"), fhir),
    await send(removing("Patient.name.where(family = 'Shown').use"), fhir),
    await send(`<diff><remove sel="Patient/name[family/@value='Hidden']/use"/></diff>`, xml),
    await send([{ op: 'test', path: '/birthDate', value: '1' }], {}, '/Patient/nobody'),
  ];
  for (const { status, text, json } of refused) {
    assert.is(status, 403, text);
    assert.match(json.issue[0].diagnostics, /needs the scope system\/Patient.r as well/);
    assert.not.match(text, /1961|Hidden/);
  }
  const data = Buffer.from('[{"op":"test","path":"/birthDate","value":"1961-07-09"}]').toString('base64');
  const entry = [{ resource: { resourceType: 'Binary', contentType: JSON_PATCH, data }, request: { method: 'PATCH', url: 'Patient/s' } }];
  const bundle = (type: string): Promise<Answer> => stack.request('', { client: 'writer', body: { resourceType: 'Bundle', type, entry } });
  assert.is((await bundle('transaction')).status, 403);
  assert.match((await bundle('batch')).json.entry[0].response.status, /^403/);
  assert.is((await send(removing('Patient.name[0].use'), fhir)).status, 200);
  assert.equal((await stack.request('/Patient/s')).json.name, [{ family: 'Hidden' }]);
});

test('a conditional reference that a patch brings leads where it would in an update', async () => {
  const identified = (value: string): object => ({ identifier: [{ system: 'urn:t', value }] });
  for (const value of ['one', 'two', 'two']) await stack.request('/Patient', { body: { resourceType: 'Patient', ...identified(value) } });
  const one = `Patient/${(await stack.request('/Patient?identifier=urn:t|one')).json.entry[0].resource.id}`;
  const flag = { resourceType: 'Flag', id: 'f1', ...identified('f1'), status: 'active', code: { text: 'x' }, subject: { reference: one } };
  const kinds: Record<string, (reference: string) => readonly [body: object | string, contentType: string]> = {
    'JSON Patch, of the string': (reference) => [[{ op: 'replace', path: '/subject/reference', value: reference }], JSON_PATCH],
    'JSON Patch, of the whole': (reference) => [[{ op: 'replace', path: '/subject', value: { reference } }], JSON_PATCH],
    'FHIRPath Patch, of the string': (reference) => [
      replacing('Flag.subject.reference', { valueString: reference }),
      'application/fhir+json',
    ],
    'FHIRPath Patch': (reference) => [replacing('Flag.subject', { valueReference: { reference } }), 'application/fhir+json'],
    'XML Patch': (reference) => [
      `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Flag/f:subject/f:reference/@value">${reference}</replace></diff>`,
      'application/xml-patch+xml',
    ],
  };
  for (const [kind, write] of Object.entries(kinds)) {
    for (const path of ['/Flag/f1', '/Flag?identifier=urn:t|f1']) {
      const send = (reference: string): Promise<Answer> => {
        const [body, contentType] = write(reference);
        return patch(path, body, { 'content-type': contentType });
      };
      await put('/Flag/f1', { ...flag, subject: { reference: 'Patient/nobody' } });
      const answer = await send('Patient?identifier=urn:t|one');
      assert.equal([answer.status, answer.json.subject?.reference], [200, one], `${kind}: ${answer.text}`);
      assert.is((await stack.request(`/Flag?subject=${one}`)).json.total, 1, `${kind}: it is found by what it refers to`);
      assert.is((await send('Patient?identifier=urn:t|nobody')).status, 412, kind);
      assert.is((await send('Patient?identifier=urn:t|two')).status, 412, kind);
      assert.is((await send('Pacient?identifier=urn:t|one')).status, 404, kind);
    }
    // The same as an entry of a transaction, where it may lead to another entry too.
    const transaction = (reference: string): Promise<Answer> => {
      const [body, contentType] = write(reference);
      const data = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)).toString('base64');
      const resource = contentType === 'application/fhir+json' ? body : { resourceType: 'Binary', contentType, data };
      const entry = [
        { resource, request: { method: 'PATCH', url: 'Flag/f1' } },
        { fullUrl: URN, resource: { resourceType: 'Patient', ...identified('brought') }, request: { method: 'POST', url: 'Patient' } },
      ];
      return stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } });
    };
    for (const reference of ['Patient?identifier=urn:t|one', URN, 'Patient?identifier=urn:t|brought']) {
      const { status, json, text } = await transaction(reference);
      assert.is(status, 200, `${kind}, ${reference}: ${text}`);
      const [brought] = /Patient\/[^/]+/.exec(json.entry[1].response.location)!;
      const { subject } = (await stack.request('/Flag/f1')).json;
      assert.is(subject.reference, reference.endsWith('one') ? one : brought, `${kind}, ${reference}`);
      await stack.request(`/${brought}`, { method: 'DELETE' });
    }
    for (const [wrong, status] of [
      ['Patient?identifier=urn:t|nobody', 412],
      ['Patient?identifier=urn:t|two', 412],
      ['Pacient?identifier=1', 404],
      [`${URN}0`, 400],
    ] as const)
      assert.is((await transaction(wrong)).status, status, `${kind}, ${wrong}`);
  }
});

test.run();
