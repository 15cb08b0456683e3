import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { addClient } from '../../support/clients.ts';
import { createReceiver, type Receiver } from '../../support/receiver.ts';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let receiver: Receiver;
let hook: string;
let sql: postgres.Sql;
test.before(async () => {
  const [port] = await freePorts(1);
  receiver = await createReceiver(port!);
  hook = `http://127.0.0.1:${port}/hook`;
  stack = await startStack({
    environment: { fhir: { SUBSCRIPTION_ENDPOINTS: `https://example.org/hooks,${hook}`, SUBSCRIPTION_ATTEMPTS: '2' } },
  });
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
});
test.before.each(() => {
  receiver.received.length = 0;
  receiver.status = 200;
  receiver.delayMs = 0;
});
test.after(async () => {
  await sql.end();
  await stack.stop();
  await receiver.down();
});

interface Given {
  readonly status?: string;
  readonly criteria?: string;
  readonly channel?: object;
  readonly end?: string;
  readonly error?: string;
}
const subscription = ({ channel, ...rest }: Given = {}): object => ({
  resourceType: 'Subscription',
  status: 'requested',
  reason: 'test',
  criteria: 'Basic?code=x',
  ...rest,
  channel: { type: 'rest-hook', endpoint: hook, payload: 'application/fhir+json', ...channel },
});
const stateOf = async (id: string): Promise<{ status: string; error?: string }> => (await stack.request(`/Subscription/${id}`)).json;
const subscribed = async (given: Given = {}, client = 'ehr-demo'): Promise<string> => {
  const { status, json, text } = await stack.request('/Subscription', { body: subscription(given), client });
  assert.is(status, 201, text);
  await eventually('active', async () => (await stateOf(json.id)).status === 'active');
  return json.id as string;
};
const off = async (id: string): Promise<void> => {
  await stack.request(`/Subscription/${id}`, { method: 'DELETE' });
};
const basic = (code: string, id?: string): Promise<Answer> => {
  const resource = { resourceType: 'Basic', ...(id !== undefined && { id }), code: { coding: [{ code }] } };
  return id === undefined ? stack.request('/Basic', { body: resource }) : stack.request(`/Basic/${id}`, { method: 'PUT', body: resource });
};
const told = (count: number): Promise<void> => eventually(`${count} are told`, () => receiver.received.length >= count);
const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1200));

test('tells of what is written and matches, with the resource as it is stored', async () => {
  const id = await subscribed({ channel: { header: ['X-Secret: open sesame'] } });
  await basic('y');
  const { json, text } = await basic('x');
  await told(1);
  await quiet();
  assert.is(receiver.received.length, 1);
  const [message] = receiver.received;
  assert.is(message!.method, 'PUT');
  assert.is(message!.url, `/hook/Basic/${json.id}`);
  assert.is(message!.body, text);
  assert.is(message!.headers['x-secret'], 'open sesame');
  assert.match(message!.headers['content-type']!, /^application\/fhir\+json/);
  await off(id);
});

test('without a payload it says only that there is something', async () => {
  const id = await subscribed({ channel: { payload: undefined } });
  await basic('x');
  await told(1);
  const [message] = receiver.received;
  assert.equal([message!.method, message!.url, message!.body], ['POST', '/hook', '']);
  assert.is(message!.headers['content-type'], undefined);
  await off(id);
});

test('tells in XML where that is asked for', async () => {
  const id = await subscribed({ channel: { payload: 'application/fhir+xml' } });
  const { json } = await basic('x');
  await told(1);
  const [message] = receiver.received;
  assert.equal([message!.method, message!.url], ['PUT', `/hook/Basic/${json.id}`]);
  assert.match(message!.headers['content-type']!, /^application\/fhir\+xml/);
  const { text } = await stack.request(`/Basic/${json.id}?_format=xml`);
  assert.is(message!.body, text);
  await off(id);
});

test('tells of what was deleted where that is asked for, by what it was before', async () => {
  const extension = [{ url: 'http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages', valueBoolean: true }];
  const asking = await subscribed({ channel: { extension } });
  for (const [code, id] of Object.entries({ x: 'deleted', y: 'other' })) await basic(code, id);
  await told(1);
  receiver.status = 404;
  for (const id of ['deleted', 'other']) assert.is((await stack.request(`/Basic/${id}`, { method: 'DELETE' })).status, 204);
  await told(2);
  receiver.status = 200;
  await basic('x', 'deleted');
  await told(3);
  await quiet();
  assert.equal(
    receiver.received.map(({ method, url, body }) => [method, url, body === '']),
    [
      ['PUT', '/hook/Basic/deleted', false],
      ['DELETE', '/hook/Basic/deleted', true],
      ['PUT', '/hook/Basic/deleted', false],
    ],
  );
  await off(asking);
  const id = await subscribed();
  receiver.received.length = 0;
  await stack.request('/Basic/deleted', { method: 'DELETE' });
  await quiet();
  assert.is(receiver.received.length, 0);
  await off(id);
});

test('tells of each version in order, also of those that others have followed by then', async () => {
  const id = await subscribed();
  receiver.received.length = 0;
  // While the receiver is away versions gather, and some of them match no more when their turn comes.
  await receiver.down();
  const codes = ['x', 'y', 'x', 'x', 'y'];
  for (const [i, code] of codes.entries()) assert.ok((await basic(i === 3 ? 'x' : code, 'changing')).status < 300);
  await receiver.up();
  await told(2);
  await quiet();
  const versions = receiver.received.map(({ body }) => (JSON.parse(body) as { meta: { versionId: string } }).meta.versionId);
  assert.equal(versions, ['1', '3'], 'the fourth write changed nothing');
  await off(id);
});

test('all versions of one transaction after another are judged as they were written', async () => {
  const id = await subscribed({ criteria: 'Basic?_id=quick&code=x' });
  await Promise.all([basic('x', 'quick'), basic('x', 'slow')]);
  for (const code of ['y', 'x', 'y']) await basic(code, 'quick');
  await told(2);
  await quiet();
  assert.equal(
    receiver.received.map(({ url, body }) => `${url} ${(JSON.parse(body) as { meta: { versionId: string } }).meta.versionId}`),
    ['/hook/Basic/quick 1', '/hook/Basic/quick 3'],
  );
  await off(id);
});

test('superseded versions are judged by what others say of their resource, too', async () => {
  for (const [path, body] of [
    ['/Patient/said', { resourceType: 'Patient', id: 'said' }],
    [
      '/Observation/says',
      {
        resourceType: 'Observation',
        id: 'says',
        status: 'final',
        code: { coding: [{ code: 'said' }] },
        subject: { reference: 'Patient/said' },
      },
    ],
    [
      '/List/says',
      { resourceType: 'List', id: 'says', status: 'current', mode: 'working', entry: [{ item: { reference: 'Patient/said' } }] },
    ],
  ] as const)
    assert.is((await stack.request(path, { method: 'PUT', body })).status, 201);
  const id = await subscribed({ criteria: 'Patient?_has:Observation:patient:code=said&_list=says&gender=male,other&_id:not=other' });
  await receiver.down();
  for (const gender of ['male', 'female', 'other', 'unknown'])
    assert.is((await stack.request('/Patient/said', { method: 'PUT', body: { resourceType: 'Patient', id: 'said', gender } })).status, 200);
  await receiver.up();
  await told(2);
  await quiet();
  assert.equal(
    receiver.received.map(({ body }) => (JSON.parse(body) as { gender: string }).gender),
    ['male', 'other'],
  );
  await off(id);
});

test('is in error after the attempts that the operator allows, and goes on where it is requested again', async () => {
  const id = await subscribed();
  receiver.status = 500;
  const { json } = await basic('x');
  await eventually('error', async () => (await stateOf(id)).status === 'error');
  assert.match((await stateOf(id)).error!, /the receiver answered 500, 2 times/);
  assert.is(receiver.received.length, 2);
  receiver.status = 200;
  const again = await stack.request(`/Subscription/${id}`, { method: 'PUT', body: { ...subscription(), id } });
  assert.is(again.status, 200, again.text);
  await told(3);
  assert.is(receiver.received.at(-1)!.url, `/hook/Basic/${json.id}`, 'what it was not told is told now');
  await eventually('active', async () => (await stateOf(id)).status === 'active');
  assert.is((await stateOf(id)).error, undefined);
  await off(id);
});

test('what was noted is not told where the criteria are of another type by then', async () => {
  const id = await subscribed({ criteria: 'Patient' });
  receiver.status = 500;
  await stack.request('/Patient', { body: { resourceType: 'Patient', active: true } });
  await told(1);
  receiver.status = 200;
  receiver.received.length = 0;
  const again = await stack.request(`/Subscription/${id}`, { method: 'PUT', body: { ...(subscription() as object), id } });
  assert.is(again.status, 200, again.text);
  const { json } = await basic('x');
  await told(1);
  await quiet();
  assert.equal(
    receiver.received.map(({ url }) => url),
    [`/hook/Basic/${json.id}`],
  );
  await off(id);
});

test('criteria by a search parameter that is defined anew wait until it is indexed, and nothing is lost', async () => {
  const define = async (expression: string): Promise<void> => {
    const body = {
      resourceType: 'SearchParameter',
      id: 'tint',
      url: 'http://example.org/SearchParameter/tint',
      name: 'Tint',
      description: 'a tint',
      status: 'active',
      code: 'tint',
      base: ['Basic'],
      type: 'string',
      expression,
    };
    const { status, text } = await stack.request('/SearchParameter/tint', { method: 'PUT', body });
    assert.ok(status < 300, text);
  };
  const tinted = async (): Promise<void> => {
    const extension = [{ url: 'http://example.org/tint', valueString: 'red' }];
    assert.is((await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'x' }, extension } })).status, 201);
  };
  await define("Basic.extension('http://example.org/tint').value");
  await eventually('it is searched by', async () => (await stack.request('/Basic?tint=red')).status === 200);
  const id = await subscribed({ criteria: 'Basic?tint=red' });
  const other = await subscribed();
  await define("Basic.extension('http://example.org/tint').value as string");
  await eventually('it is indexed anew', async () => (await stack.request('/Basic?tint=red')).status === 400);
  await tinted();
  await basic('x');
  await eventually('it is searched by again', async () => (await stack.request('/Basic?tint=red')).status === 200);
  await tinted();
  await told(3);
  assert.equal([(await stateOf(id)).status, (await stateOf(other)).status], ['active', 'active']);
  // Without the parameter they mean nothing any more.
  assert.is((await stack.request('/SearchParameter/tint', { method: 'DELETE' })).status, 204);
  await eventually('it is unknown', async () => (await stack.request('/Basic?tint=red')).status === 400);
  await tinted();
  await eventually('error', async () => (await stateOf(id)).status === 'error');
  assert.match((await stateOf(id)).error!, /Basic has no search parameter tint/);
  await off(id);
  await off(other);
});

test('who has much to be told of leaves turns to others', async () => {
  const busy = await Promise.all(Array.from({ length: 8 }, () => subscribed({ criteria: 'Basic?code=many' })));
  const other = await subscribed({ criteria: 'Basic?code=few', channel: { payload: undefined } });
  receiver.delayMs = 100;
  const entry = Array.from({ length: 600 }, () => ({
    resource: { resourceType: 'Basic', code: { coding: [{ code: 'many' }] } },
    request: { method: 'POST', url: 'Basic' },
  }));
  assert.is((await stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } })).status, 200);
  await told(9);
  await basic('few');
  // Each of the eight needs 60 s at least for what it is to be told of.
  await eventually('the other is told', () => receiver.received.some(({ method }) => method === 'POST'), 40_000);
  receiver.delayMs = 0;
  await Promise.all([...busy, other].map(off));
});

test('follows no redirection', async () => {
  const id = await subscribed();
  receiver.status = 307;
  await basic('x');
  await eventually('error', async () => (await stateOf(id)).status === 'error');
  assert.equal(new Set(receiver.received.map(({ url }) => url.split('/')[1])), new Set(['hook']));
  await off(id);
});

test('is off after its end, or where the client says so', async () => {
  const ended = await stack.request('/Subscription', { body: subscription({ end: '2020-01-01T00:00:00Z' }) });
  await eventually('off', async () => (await stateOf(ended.json.id)).status === 'off');
  const id = await subscribed();
  await stack.request(`/Subscription/${id}`, { method: 'PUT', body: { ...subscription({ status: 'off' }), id } });
  await quiet();
  await basic('x');
  await quiet();
  assert.is(receiver.received.length, 0);
});

test('refuses what it can not keep to, and says what to do', async () => {
  for (const [given, status, said] of [
    [{ channel: { type: 'websocket' } }, 400, /no websocket channel: use rest-hook/],
    [{ channel: { type: 'email' } }, 400, /no email channel/],
    [{ channel: { type: 'sms' } }, 400, /no sms channel/],
    [{ channel: { endpoint: undefined } }, 400, /needs an endpoint/],
    [{ channel: { endpoint: 'http://169.254.169.254/latest' } }, 422, /SUBSCRIPTION_ENDPOINTS/],
    [{ channel: { endpoint: 'https://example.org/other' } }, 422, /SUBSCRIPTION_ENDPOINTS/],
    [{ channel: { payload: 'text/plain' } }, 400, /payload of text\/plain/],
    [{ channel: { header: ['Host: evil.org'] } }, 400, /header 1/],
    [{ channel: { header: ['X: a\r\nY: b'] } }, 400, /header 1/],
    [{ criteria: 'Subscription' }, 422, /would never end/],
    [{ criteria: 'Nothing?x=y' }, 400, /criteria is no search/],
    [{ criteria: `Basic?code=${'x'.repeat(2000)}` }, 400, /criteria have 2000 characters at most/],
    [{ criteria: 'Basic?colour=red' }, 400, /no search parameter colour/],
    [{ criteria: 'Basic?created=soon' }, 400, /soon/],
    [{ criteria: 'Basic?code=x&_count=5' }, 400, /no search parameter _count/],
    [{ criteria: 'Basic?patient.nose=x' }, 400, /Patient has no search parameter nose/],
    [{ criteria: 'Basic?code=%zz' }, 400, /malformed percent/],
    [{ status: 'active' }, 422, /status active is set by the server/],
    [{ status: 'error' }, 422, /status error is set by the server/],
  ] as const) {
    const answer = await stack.request('/Subscription', { body: subscription(given) });
    assert.is(answer.status, status, answer.text);
    assert.match(answer.json.issue[0].diagnostics, said);
    if (Object.hasOwn(given, 'criteria')) assert.equal(answer.json.issue[0].expression, ['Subscription.criteria']);
  }
});

test('a client is told only of what it may find and read', async () => {
  await addClient(stack, 'narrow', { scopes: ['system/Subscription.cruds', 'system/Patient.rs', 'system/Observation.r'] });
  const refused = await stack.request('/Subscription', { body: subscription(), client: 'narrow' });
  assert.is(refused.status, 403);
  assert.match(refused.json.issue[0].diagnostics, /system\/Basic\.r/);
  assert.is((await stack.request('/Subscription', { body: subscription({ criteria: 'Observation' }), client: 'narrow' })).status, 403);
  const id = await subscribed({ criteria: 'Patient' }, 'narrow');
  // What the operator takes away is taken away from a Subscription that is there, too.
  const file = join(stack.system.state.configDir, 'clients.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('system/Patient.rs, ', ''));
  await eventually('error', async () => (await stateOf(id)).status === 'error');
  assert.match((await stateOf(id)).error!, /narrow needs the scope system\/Patient\.r/);
  await stack.request('/Patient', { body: { resourceType: 'Patient' } });
  await quiet();
  assert.is(receiver.received.length, 0);
});

test('the trail names what was sent, to whom it belongs, and what failed', async () => {
  const id = await subscribed({ criteria: 'Observation' });
  receiver.status = 503;
  const { json } = await stack.request('/Observation', {
    body: { resourceType: 'Observation', status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/p' } },
  });
  await told(1);
  receiver.status = 200;
  await told(2);
  const events = (
    await sql`select body::jsonb as event from audit.event where body::jsonb->>'reason' like ${`notification of Subscription/${id}%`} order by recorded`
  ).map(({ event }) => event as { status: number; resource: string; client: string; patients?: string[]; reason: string });
  assert.equal(
    events.map(({ status, resource, client, patients }) => [status, resource, client, patients]),
    [202, 502, 202].map((status) => [status, `Observation/${json.id}`, 'ehr-demo', status === 202 ? ['Patient/p'] : undefined]),
  );
  assert.match(events[1]!.reason, /the receiver answered 503$/);
  await off(id);
});

test.run();
