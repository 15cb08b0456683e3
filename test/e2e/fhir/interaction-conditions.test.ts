import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type RequestOptions, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const put = (path: string, resource: object, headers: Record<string, string> = {}): Promise<Answer> =>
  stack.request(path, { method: 'PUT', body: resource, headers });
const remove = (path: string, headers: Record<string, string> = {}): Promise<Answer> => stack.request(path, { method: 'DELETE', headers });
const basic = (id: string, more: object = {}): object => ({ resourceType: 'Basic', id, code: { text: 'x' }, ...more });
const identified = (value: string): object => ({ identifier: [{ system: 'urn:t', value }] });

test('a conditional create answers 201, 200 or 412 by how many match', async () => {
  const body = { resourceType: 'Device', ...identified('c1') };
  const headers = { 'if-none-exist': 'identifier=urn:t|c1' };
  const first = await stack.request('/Device', { body, headers });
  const second = await stack.request('/Device', { body, headers });
  assert.equal([first.status, second.status], [201, 200]);
  assert.is(second.json.id, first.json.id);
  await stack.request('/Device', { body });
  assert.is((await stack.request('/Device', { body, headers })).status, 412);
  for (const empty of [' ', '_format=json']) {
    const answer = await stack.request('/Device', { body, headers: { 'if-none-exist': empty } });
    assert.is(answer.status, 400, `"${empty}" ${answer.text}`);
  }
});

test('a conditional update looks at the id that it is sent', async () => {
  const url = '/Basic?identifier=urn:t|u1&_format=json';
  const created = await put(url, basic('mine', identified('u1')));
  assert.equal([created.status, created.json.id], [201, 'mine']);
  assert.is((await put(url, basic('other', identified('u1')))).status, 400, 'the match has another id');
  assert.is((await put('/Basic?identifier=urn:t|u2', basic('mine', identified('u2')))).status, 409, 'nothing matches, but the id is taken');
  assert.is((await put(url, basic('mine', { ...identified('u1'), author: { display: 'A' } }))).json.meta.versionId, '2');
  assert.is((await put(url, basic('mine', identified('u1')), { 'if-none-match': '*' })).status, 412);
  assert.is((await put('/Basic', basic('mine'))).status, 400, 'no criteria');
});

test('If-None-Match: * creates only', async () => {
  assert.is((await put('/Basic/n1', basic('n1'), { 'if-none-match': '*' })).status, 201);
  const refused = await put('/Basic/n1', basic('n1', { author: { display: 'B' } }), { 'if-none-match': '*' });
  assert.is(refused.status, 412);
  assert.match(refused.json.issue[0].diagnostics, /If-None-Match: \*.*version 1/);
  await remove('/Basic/n1');
  assert.is((await put('/Basic/n1', basic('n1'), { 'if-none-match': '*' })).status, 201, 'what was deleted is not there');
});

test('If-Match asks for the version of what is deleted too, and * for one that is not', async () => {
  await put('/Basic/m1', basic('m1'));
  assert.is((await remove('/Basic/m1', { 'if-match': 'W/"2"' })).status, 412);
  assert.is((await remove('/Basic/m1', { 'if-match': 'W/"1"' })).status, 204);
  assert.is((await remove('/Basic/m1')).status, 204, 'deleted already');
  assert.is((await put('/Basic/m1', basic('m1'), { 'if-match': '*' })).status, 412);
  assert.is((await put('/Basic/m1', basic('m1'), { 'if-match': 'W/"1"' })).status, 412);
  assert.is((await put('/Basic/m1', basic('m1'), { 'if-match': 'W/"2"' })).status, 201);
  assert.is((await put('/Basic/m1', basic('m1', { author: { display: 'C' } }), { 'if-match': 'W/"1", W/"2"' })).status, 412);
  assert.is((await put('/Basic/m1', basic('m1', { author: { display: 'C' } }), { 'if-match': 'W/"9", W/"3"' })).status, 200);
  assert.is((await put('/Basic/m1', basic('m1'), { 'if-match': 'W/"4", x' })).status, 400);
  assert.is((await put('/Basic/never', basic('never'), { 'if-match': 'W/"1"' })).status, 412);
});

test('a conditional delete takes one, and refuses where several match', async () => {
  await put('/Basic/e1', basic('e1', identified('e')));
  assert.is((await remove('/Basic?identifier=urn:t|none')).status, 204);
  assert.is((await remove('/Basic?identifier=urn:t|e')).status, 204);
  assert.is((await stack.request('/Basic/e1')).status, 410);
  for (const id of ['e2', 'e3']) await put(`/Basic/${id}`, basic(id, identified('f')));
  const refused = await remove('/Basic?identifier=urn:t|f');
  assert.is(refused.status, 412);
  assert.is(refused.json.issue[0].code, 'multiple-matches');
  assert.is((await stack.request('/Basic/e2')).status, 200);
  assert.is((await remove('/Basic')).status, 400);
  assert.is((await remove('/Basic?nmae=x')).status, 400);
});

test('a read is conditional by version and by time', async () => {
  const { headers } = await put('/Basic/r1', basic('r1'));
  const modified = headers['last-modified'] as string;
  const earlier = new Date(Date.parse(modified) - 60_000).toUTCString();
  const status = async (asked: Record<string, string>): Promise<number> => (await stack.request('/Basic/r1', { headers: asked })).status;
  assert.is(await status({ 'if-none-match': 'W/"7", W/"1"' }), 304);
  assert.is(await status({ 'if-none-match': '"1"' }), 304);
  assert.is(await status({ 'if-none-match': '*' }), 304);
  assert.is(await status({ 'if-none-match': 'W/"2"' }), 200);
  assert.is(await status({ 'if-none-match': 'rubbish' }), 400);
  assert.is(await status({ 'if-modified-since': modified }), 304);
  assert.is(await status({ 'if-modified-since': earlier }), 200);
  assert.is(await status({ 'if-modified-since': modified, 'if-none-match': 'W/"2"' }), 200, 'If-None-Match wins');
});

test('HEAD answers what GET would, without the body', async () => {
  await put('/Basic/h1', basic('h1'));
  for (const path of [
    '/Basic/h1',
    '/Basic/h1/_history/1',
    '/Basic/h1/_history',
    '/Basic?_id=h1',
    '/metadata',
    '/Basic/nobody',
    '/Basic/h1/$meta',
  ]) {
    const get = await stack.request(path);
    const head = await stack.request(path, { method: 'HEAD' });
    assert.is(head.status, get.status, path);
    assert.is(head.text, '', path);
    for (const name of ['etag', 'last-modified', 'content-type']) assert.is(head.headers[name], get.headers[name], `${path} ${name}`);
  }
});

test('an address takes the methods that it names, and others are 405', async () => {
  const cases: readonly (readonly [method: string, path: string, allow: RegExp])[] = [
    ['POST', '/Basic/1', /^GET, HEAD, PUT, PATCH, DELETE, OPTIONS$/],
    ['PUT', '/Basic/_history', /^GET, HEAD, OPTIONS$/],
    ['DELETE', '/metadata', /^GET, HEAD, OPTIONS$/],
    ['PUT', '', /^GET, HEAD, POST, OPTIONS$/],
    ['PATCH', '/Basic/1/_history/1', /^GET, HEAD, OPTIONS$/],
    ['TRACE', '/Basic', /^GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS$/],
  ];
  for (const [method, path, allow] of cases) {
    const answer = await stack.request(path, { method });
    assert.is(answer.status, 405, `${method} ${path} ${answer.text}`);
    assert.match(String(answer.headers['allow']), allow);
    assert.is(answer.json.resourceType, 'OperationOutcome');
  }
  const options = await stack.request('/Basic/1', { method: 'OPTIONS' });
  assert.is(options.status, 204);
  assert.match(String(options.headers['allow']), /PATCH/);
  assert.match(String(options.headers['accept-patch']), /json-patch\+json/);
});

test('what no client can mean is 400 with what to do, never 500', async () => {
  const long = 'x'.repeat(65);
  const cases: readonly (readonly [path: string, options?: RequestOptions])[] = [
    ['/Basic/%ZZ'],
    ['/Basic/a%00b'],
    [`/Basic/${long}`],
    [`/Basic/1/_history/${long}`],
    ['/Basic?_id=a%00b'],
    ['/Patient?name=a%00b'],
    ['/Patient?identifier=urn:x%00|a%00b'],
    ['/Patient?name=%ZZ'],
    ['/Patient?birthdate=%00'],
    ['/_history?_since=%00'],
    ['/Basic/_history?_sort=_lastUpdated'],
    ['/Basic/_history?_count=-1'],
    ['/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } }, headers: { 'if-none-exist': 'identifier=%00' } }],
    ['/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } }, headers: { 'if-none-exist': 'identifier=%ZZ' } }],
    ['/Basic/1', { method: 'PUT', body: { resourceType: 'Basic', id: '1', code: { text: 'x' } }, headers: { 'if-match': '""' } }],
    ['/Basic/1', { method: 'PUT', body: { resourceType: 'Basic', id: '1', code: { text: 'x' } }, headers: { 'if-none-match': '3' } }],
  ];
  for (const [path, options] of cases) {
    const answer = await stack.request(path, options);
    if (path.includes('%00') && answer.status === 200) assert.is(answer.json.total, 0, path);
    else assert.is(answer.status, 400, `${path} ${answer.status} ${answer.text.slice(0, 200)}`);
    if (answer.status !== 200) assert.is(answer.json?.resourceType, 'OperationOutcome', path);
  }
});

test('the capabilities carry an ETag, and aren’t sent again to who knows it', async () => {
  const { etag } = (await stack.request('/metadata')).headers;
  assert.match(String(etag), /^W\/"[^"]{20,}"$/);
  const again = await stack.request('/metadata', { headers: { 'if-none-match': String(etag) } });
  assert.equal([again.status, again.text, again.headers['etag']], [304, '', etag]);
  assert.is((await stack.request('/metadata', { headers: { 'if-none-match': 'W/"other"' } })).status, 200);
  assert.is((await stack.request('/metadata?_format=xml', { headers: { 'if-none-match': String(etag) } })).status, 304);
});

test('the capabilities say what is offered', async () => {
  const { json } = await stack.request('/metadata');
  assert.equal(json.patchFormat, [
    'application/json-patch+json',
    'application/xml-patch+xml',
    'application/fhir+json',
    'application/fhir+xml',
  ]);
  const device = json.rest[0].resource.find(({ type }: { type: string }) => type === 'Device');
  assert.is(device.conditionalDelete, 'single');
  assert.ok(device.interaction.some(({ code }: { code: string }) => code === 'patch'));
});

test.run();
