import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

interface Entry {
  readonly method: string;
  readonly url: string;
  readonly resource?: object;
  readonly fullUrl?: string;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly ifNoneExist?: string;
  readonly ifModifiedSince?: string;
}
const bundle = (type: string, entries: readonly Entry[], headers: Record<string, string> = {}, client = 'ehr-demo'): Promise<Answer> =>
  stack.request('', {
    headers,
    client,
    body: {
      resourceType: 'Bundle',
      type,
      entry: entries.map(({ resource, fullUrl, ...request }) => ({ ...(resource && { resource }), ...(fullUrl && { fullUrl }), request })),
    },
  });
const transaction = (...entries: readonly Entry[]): Promise<Answer> => bundle('transaction', entries, { prefer: 'return=representation' });
const basic = (id: string, more: object = {}): object => ({ resourceType: 'Basic', id, code: { text: 'x' }, ...more });
const put = (resource: object): Entry => {
  const { resourceType, id } = resource as { resourceType: string; id: string };
  return { method: 'PUT', url: `${resourceType}/${id}`, resource };
};
const identified = (value: string): object => ({ identifier: [{ system: 'urn:t', value }] });
const post = (resource: object, more: Partial<Entry> = {}): Entry => ({
  method: 'POST',
  url: (resource as { resourceType: string }).resourceType,
  resource,
  ...more,
});
const refused = async (answer: Promise<Answer>, status: number, says: RegExp): Promise<void> => {
  const { status: is, json, text } = await answer;
  assert.is(is, status, text);
  assert.match(json.issue[0].diagnostics, says);
};
const uuid = (n: number): string => `urn:uuid:0b5e9a52-6c1c-4a1b-9f2a-${String(n).padStart(12, '0')}`;

test('entries are processed as deletes, creates, updates and reads, and answered in their own order', async () => {
  await transaction(put(basic('old', identified('order'))));
  const answer = await transaction(
    { method: 'GET', url: 'Basic?identifier=urn:t|order' },
    put(basic('new')),
    post({ resourceType: 'Basic', code: { text: 'y' }, ...identified('order') }, { ifNoneExist: 'identifier=urn:t|order' }),
    { method: 'DELETE', url: 'Basic?identifier=urn:t|order' },
  );
  assert.is(answer.status, 200, answer.text);
  const [read, updated, created, deleted] = answer.json.entry;
  assert.is(read.resource.total, 1);
  assert.is(read.resource.entry[0].resource.code.text, 'y', 'the condition no longer finds what the Bundle deletes');
  assert.equal(
    [updated, created, deleted].map(({ response }) => response.status),
    ['201 Created', '201 Created', '204 No Content'],
  );
  assert.match(created.response.location, /\/Basic\/[^/]+\/_history\/1$/);
  assert.is(created.response.etag, 'W/"1"');
  assert.is(deleted.response.etag, 'W/"2"');
  assert.is(created.response.lastModified, created.resource.meta.lastUpdated, 'to the millisecond, unlike Last-Modified');
  assert.is((await stack.request('/Basic/old')).status, 410);
});

test('a reference to a version of an entry gets the version that the entry has here', async () => {
  const about = (reference: string): Entry => post({ resourceType: 'Basic', code: { text: 'z' }, subject: { reference } });
  await transaction(put(basic('versioned', identified('versioned'))));
  const fullUrl = 'http://elsewhere.org/fhir/Basic/7';
  const answer = await transaction(
    post({ resourceType: 'Basic', code: { text: 'y' } }, { fullUrl }),
    about(`${fullUrl}/_history/12`),
    post(basic('any', identified('versioned')), { fullUrl: uuid(71), ifNoneExist: 'identifier=urn:t|versioned' }),
    about(`${uuid(71)}/_history/9`),
    about('Basic/versioned/_history/1'),
  );
  assert.is(answer.status, 200, answer.text);
  const [created, ofCreated, , ofFound, asWritten] = answer.json.entry;
  assert.is(ofCreated.resource.subject.reference, `Basic/${created.resource.id}/_history/1`);
  assert.is(ofFound.resource.subject.reference, 'Basic/versioned/_history/1');
  assert.is(asWritten.resource.subject.reference, 'Basic/versioned/_history/1');
  const changed = { ...put(basic('versioned', identified('other'))), fullUrl: uuid(72) };
  await refused(transaction(changed, about(`${uuid(72)}/_history/1`)), 400, /leave the version out/);
});

test('conditions of entries are those of headers', async () => {
  await transaction(put(basic('c1', identified('c1'))), put(basic('c2')));
  await refused(
    transaction({ ...put(basic('c1', { author: { display: 'A' } })), ifMatch: 'W/"3"' }),
    412,
    /^Bundle\.entry\[0\]: If-Match asks/,
  );
  await refused(transaction({ ...put(basic('c1', { author: { display: 'A' } })), ifNoneMatch: '*' }), 412, /If-None-Match/);
  await refused(transaction({ method: 'DELETE', url: 'Basic/c2', ifMatch: 'W/"9"' }), 412, /If-Match/);
  await refused(
    transaction({ method: 'PATCH', url: 'Basic?identifier=urn:t|none', resource: { resourceType: 'Parameters' } }),
    404,
    /nothing matches/,
  );
  await refused(
    transaction(put(basic('c3')), { method: 'GET', url: 'Basic/nobody' }),
    404,
    /^Bundle\.entry\[1\]: there is no Basic\/nobody/,
  );
  assert.is((await stack.request('/Basic/c3')).status, 404, 'all or nothing');
  const modified = new Date().toUTCString();
  for (const type of ['transaction', 'batch']) {
    const { json } = await bundle(type, [
      { method: 'GET', url: 'Basic/c1', ifNoneMatch: 'W/"1"' },
      { method: 'GET', url: 'Basic/c1', ifModifiedSince: modified },
      { method: 'GET', url: 'Basic/c1', ifModifiedSince: new Date().toISOString() },
      { method: 'GET', url: 'Basic/c1', ifModifiedSince: '2001-02-03T04:05:06.789+10:00' },
      { method: 'HEAD', url: 'Basic/c1' },
      post(basic('x', identified('c1')), { ifNoneExist: 'identifier=urn:t|c1' }),
    ]);
    assert.equal(
      json.entry.map(
        ({ response, resource }: { response: { status: string }; resource?: object }) => `${response.status} ${resource !== undefined}`,
      ),
      ['304 Not Modified false', '304 Not Modified false', '304 Not Modified false', '200 OK true', '200 OK false', '200 OK false'],
    );
    assert.match(json.entry[5].response.location, /Basic\/c1\/_history\/1$/);
  }
});

test('a condition names an entry of the Bundle by its fullUrl, and finds what is about that entry', async () => {
  const about = (n: number): object => ({ resourceType: 'Basic', code: { text: 'y' }, subject: { reference: uuid(n) } });
  const send = (): Promise<Answer> =>
    transaction(
      // By a condition on what is by a condition itself, before that stands in the Bundle.
      post(
        { resourceType: 'List', status: 'current', mode: 'working', entry: [{ item: { reference: uuid(83) } }] },
        { ifNoneExist: `item=${uuid(83)}` },
      ),
      post({ resourceType: 'Patient', ...identified('named') }, { fullUrl: uuid(81), ifNoneExist: 'identifier=urn:t|named' }),
      { ...put({ resourceType: 'Patient', id: 'named-too' }), fullUrl: uuid(82) },
      post(about(81), { fullUrl: uuid(83), ifNoneExist: `subject=${encodeURIComponent(uuid(81))}&code:text=y` }),
      { method: 'PUT', url: `Basic?subject=${uuid(82)}`, resource: about(82) },
    );
  for (const status of ['201 Created', '200 OK']) {
    const { json, text } = await send();
    assert.equal(
      json.entry?.map(({ response }: { response: { status: string } }) => response.status),
      Array.from({ length: 5 }, () => status),
      text,
    );
  }
  await refused(
    transaction(
      post(about(85), { fullUrl: uuid(84), ifNoneExist: `subject=${uuid(85)}` }),
      post(about(84), { fullUrl: uuid(85), ifNoneExist: `subject=${uuid(84)}` }),
    ),
    400,
    /^Bundle\.entry\[0\]: its condition .* circle/,
  );
  const chain = Array.from({ length: 17 }, (_, i) =>
    i === 16
      ? post({ resourceType: 'Basic', code: { text: 'chain' } }, { fullUrl: uuid(106), ifNoneExist: 'code:text=chain' })
      : post(about(91 + i), { fullUrl: uuid(90 + i), ifNoneExist: `subject=${uuid(91 + i)}` }),
  );
  await refused(transaction(...chain), 413, /^Bundle\.entry\[0\]: conditions .* 16 entries deep at most/);
});

test('refuses what would write one resource twice, by address or by condition', async () => {
  await transaction(put(basic('d1', identified('d'))));
  await refused(
    transaction(put(basic('d1')), { method: 'DELETE', url: 'Basic/d1' }),
    400,
    /entry\[0\] and Bundle\.entry\[1\] are both about Basic\/d1/,
  );
  const update: Entry = {
    method: 'PUT',
    url: 'Basic?identifier=urn:t|d',
    resource: { resourceType: 'Basic', code: { text: 'z' }, ...identified('d') },
  };
  await refused(transaction(put(basic('d1')), update), 400, /both about Basic\/d1/);
  await refused(transaction(update, { method: 'DELETE', url: 'Basic?identifier=d' }), 400, /both about Basic\/d1/);
  const fresh = { resourceType: 'Basic', code: { text: 'z' }, ...identified('fresh') };
  const twice = post(fresh, { ifNoneExist: 'identifier=urn:t|fresh' });
  await refused(transaction(twice, twice), 400, /takes each once/);
  await refused(transaction(post(fresh), twice), 400, /Bundle\.entry\[0\] is one/);
  await refused(
    transaction({ ...put(basic('e1')), fullUrl: uuid(1) }, { ...put(basic('e2')), fullUrl: uuid(1) }),
    400,
    /both about urn:uuid/,
  );
  assert.is((await stack.request('/Basic?identifier=urn:t|fresh')).json.total, 0);
});

test('a conditional reference may lead to an entry of the same Bundle', async () => {
  const patient = { resourceType: 'Patient', ...identified('mother') };
  const flag = (subject: string): object => ({
    resourceType: 'Flag',
    status: 'active',
    code: { text: 'x' },
    subject: { reference: subject },
  });
  const answer = await transaction(post(flag('Patient?identifier=urn:t|mother')), post(patient));
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.entry[0].resource.subject.reference, `Patient/${answer.json.entry[1].resource.id}`);
  await refused(
    transaction(post(flag('Patient?identifier=urn:t|mother')), post(patient)),
    412,
    /entry\[0\]: several resources match the conditional reference/,
  );
  await refused(transaction(post(flag('Patient?identifier=urn:t|nobody'))), 412, /nothing matches the conditional reference to Patient/);
  await refused(transaction(post(flag('Pacient?identifier=urn:t|nobody'))), 404, /Pacient is no FHIR R4/);
});

test('a conditional reference in a create or an update on its own leads where it would in a transaction', async () => {
  const flag = (subject: string, more = {}): object => ({
    resourceType: 'Flag',
    status: 'active',
    code: { text: 'x' },
    subject: { reference: subject, display: 'Patient?identifier=urn:t|lone' },
    ...more,
  });
  const { json: patient } = await stack.request('/Patient', { body: { resourceType: 'Patient', ...identified('lone') } });
  const told = { prefer: 'return=representation' };
  const subject = { reference: `Patient/${patient.id}`, display: 'Patient?identifier=urn:t|lone' };
  const created = await stack.request('/Flag', { headers: told, body: flag('Patient?identifier=urn:t|lone') });
  assert.equal([created.status, created.json.subject], [201, subject]);
  const found = await stack.request(`/Flag?subject=Patient/${patient.id}`);
  assert.is(found.json.total, 1, 'it is found by what it refers to');
  const body = flag('Patient?identifier=urn:t|lone', { id: 'lone' });
  const updated = await stack.request('/Flag/lone', { method: 'PUT', headers: told, body });
  assert.equal([updated.status, updated.json.subject], [201, subject]);
  const once = { ...told, 'if-none-exist': 'identifier=urn:t|flag' };
  const conditional = await stack.request('/Flag', { headers: once, body: { ...body, ...identified('flag') } });
  assert.equal([conditional.status, conditional.json.subject], [201, subject]);
  const again = await stack.request('/Flag?identifier=urn:t|flag', {
    method: 'PUT',
    headers: told,
    body: flag(subject.reference, identified('flag')),
  });
  assert.equal([again.status, again.json.subject], [200, subject]);
  const send = (reference: string): Promise<Answer> => stack.request('/Flag', { body: flag(reference) });
  await refused(send('Patient?identifier=urn:t|nobody'), 412, /nothing matches the conditional reference to Patient/);
  await refused(send('Patient?nmae=x'), 400, /nmae/);
  await stack.request('/Patient', { body: { resourceType: 'Patient', ...identified('lone') } });
  await refused(send('Patient?identifier=urn:t|lone'), 412, /several resources match Patient|several resources match the conditional/);
});

test('addresses of entries are replaced wherever one can stand, and nowhere else', async () => {
  const resource = {
    resourceType: 'DocumentReference',
    status: 'current',
    text: {
      status: 'generated',
      div: `<div xmlns="http://www.w3.org/1999/xhtml"><a href="${uuid(1)}">a</a><img src='${uuid(2)}'/>${uuid(1)}</div>`,
    },
    contained: [{ resourceType: 'Organization', id: 'c', name: uuid(1) }],
    extension: [
      { url: 'http://example.org/u', valueUri: uuid(1) },
      { url: 'http://example.org/s', valueString: uuid(1) },
      { url: 'http://example.org/uuid', valueUuid: uuid(2) },
    ],
    identifier: [{ system: 'urn:ietf:rfc:3986', value: uuid(1) }],
    subject: { reference: uuid(1) },
    custodian: { reference: '#c' },
    author: [{ reference: 'http://elsewhere.example/fhir/Practitioner/1' }],
    relatesTo: [{ code: 'appends', target: { reference: 'urn:oid:1.2.3' } }],
    content: [{ attachment: { url: uuid(2) } }],
  };
  const other = 'http://sender.example/base/Device/9';
  const device = { resourceType: 'Device', patient: { reference: 'Patient/77' } };
  const answer = await transaction(
    post(resource),
    post({ resourceType: 'Patient' }, { fullUrl: uuid(1) }),
    post({ resourceType: 'Binary', contentType: 'text/plain', data: 'aGk=' }, { fullUrl: uuid(2) }),
    post({ resourceType: 'DocumentReference', status: 'current', content: [{ attachment: { title: 'x' } }] }, { fullUrl: 'urn:oid:1.2.3' }),
    post(device, { fullUrl: other }),
    post({ resourceType: 'Patient' }, { fullUrl: 'http://sender.example/base/Patient/77' }),
  );
  assert.is(answer.status, 200, answer.text);
  const [stored, patient, binary, former, stored2, patient77] = answer.json.entry.map((each: { resource: object }) => each.resource);
  const patientAt = `Patient/${patient.id}`;
  assert.ok(stored.text.div.includes(`<a href="${patientAt}">a</a><img src='Binary/${binary.id}'/>${uuid(1)}<`), stored.text.div);
  assert.is(stored.contained[0].name, uuid(1));
  assert.is(stored.extension[0].valueUri, patientAt);
  assert.is(stored.extension[1].valueString, uuid(1));
  assert.is(stored.identifier[0].value, uuid(1));
  assert.is(stored.subject.reference, patientAt);
  assert.is(stored.custodian.reference, '#c');
  assert.is(stored.author[0].reference, 'http://elsewhere.example/fhir/Practitioner/1');
  assert.is(stored.relatesTo[0].target.reference, `DocumentReference/${former.id}`);
  assert.is(stored.content[0].attachment.url, `Binary/${binary.id}`);
  assert.is(stored2.patient.reference, `Patient/${patient77.id}`, 'relative, against the fullUrl of its own entry');
  await refused(transaction(post({ ...device, patient: { reference: uuid(9) } })), 400, /names no entry of this Bundle/);
});

test('a document in a transaction keeps its own addresses', async () => {
  const document = {
    resourceType: 'Bundle',
    type: 'collection',
    entry: [
      { fullUrl: uuid(5), resource: { resourceType: 'Flag', status: 'active', code: { text: 'x' }, subject: { reference: uuid(6) } } },
    ],
  };
  const answer = await transaction(post(document), post({ resourceType: 'Patient' }, { fullUrl: uuid(5) }));
  assert.is(answer.status, 200, answer.text);
  assert.is(answer.json.entry[0].resource.entry[0].fullUrl, uuid(5));
});

test('Prefer decides what an entry shows', async () => {
  const entries = [post({ resourceType: 'Basic', code: { text: 'x' } })];
  for (const type of ['transaction', 'batch']) {
    const minimal = (await bundle(type, entries)).json.entry[0];
    assert.equal(Object.keys(minimal), ['response']);
    const outcome = (await bundle(type, entries, { prefer: 'return=OperationOutcome' })).json.entry[0];
    assert.equal([outcome.resource, outcome.response.outcome.resourceType], [undefined, 'OperationOutcome']);
    const shown = (await bundle(type, entries, { prefer: 'return=representation' })).json.entry[0];
    assert.is(shown.resource.code.text, 'x');
  }
});

test('a batch is done in the order of a transaction too: what changes something sees and shows what the steps before it did', async () => {
  const patch = [{ op: 'add', path: '/created', value: '2020' }];
  const binary = { contentType: 'application/json-patch+json', data: Buffer.from(JSON.stringify(patch)).toString('base64') };
  await bundle('batch', [put(basic('b-old'))]);
  const answer = await bundle(
    'batch',
    [
      { method: 'GET', url: 'Basic/b-new' },
      { method: 'POST', url: 'Basic/_search?identifier=urn:t|b-post' },
      { method: 'PATCH', url: 'Basic/b-new', resource: { resourceType: 'Binary', ...binary } },
      put(basic('b-new')),
      put(basic('b-old')),
      post({ resourceType: 'Basic', code: { text: 'y' }, ...identified('b-post') }),
      { method: 'DELETE', url: 'Basic/b-old' },
    ],
    { prefer: 'return=representation' },
  );
  const { entry } = answer.json;
  assert.equal(
    entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3)),
    ['200', '200', '200', '201', '201', '201', '204'],
  );
  assert.equal([entry[0].resource.created, entry[1].resource.total, entry[4].response.etag], ['2020', 1, 'W/"3"']);
});

test('scopes are checked for each entry, what its condition searches, and what it refers to', async () => {
  const entries: readonly Entry[] = [put(basic('s1')), { method: 'GET', url: 'Basic?_summary=count' }];
  const denied = await bundle('transaction', entries, {}, 'reader-demo');
  assert.is(denied.status, 403);
  assert.match(denied.json.issue[0].diagnostics, /Bundle\.entry\[0\].*system\/Basic\.u/);
  const some = await bundle(
    'batch',
    [...entries, { method: 'DELETE', url: 'Basic?_id=x' }, { method: 'PATCH', url: 'Basic/x', resource: { resourceType: 'Parameters' } }],
    {},
    'reader-demo',
  );
  assert.equal(
    some.json.entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3)),
    ['403', '200', '403', '403'],
  );
});

test('a transaction takes as many entries as the server says, at a sane cost', async () => {
  const many = Array.from({ length: 1500 }, (_, i) =>
    post(
      { resourceType: 'Observation', status: 'final', code: { text: `n ${i}` }, subject: { reference: uuid(100) } },
      i % 10 === 0 ? { ifNoneExist: `identifier=urn:many|${i}` } : {},
    ),
  );
  const startedAt = performance.now();
  const answer = await bundle('transaction', [...many, post({ resourceType: 'Patient' }, { fullUrl: uuid(100) })]);
  assert.is(answer.status, 200, answer.text.slice(0, 300));
  assert.ok(performance.now() - startedAt < 20_000);
  const tooMany = Array.from({ length: 20_001 }, () => ({ method: 'GET', url: 'Basic/1' }));
  assert.is((await bundle('transaction', tooMany)).status, 413);
});

test.run();
