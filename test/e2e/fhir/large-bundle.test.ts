/** Bundles of more than 4 MB are read piece by piece and stored in several statements: they mean what small ones mean. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { fromXml } from '../../../fhir/xml/from-xml.ts';
import { toXml } from '../../../fhir/xml/to-xml.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const urn = (n: number): string => `urn:uuid:5c1d4f8e-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
const NOTE = `${'Grüße, 1.10 — '.repeat(700)}`;

interface Entry {
  readonly fullUrl?: string;
  readonly resource?: object;
  readonly request: object;
}

/** Half of them about the one before; together more than 4 MB. */
const chain = (count: number, code: string): Entry[] =>
  Array.from({ length: count }, (_, i) => ({
    fullUrl: urn(i),
    resource: {
      resourceType: 'Basic',
      code: { text: NOTE },
      identifier: [{ system: 'urn:large', value: `${code}-${i}` }],
      ...(i % 2 === 1 && { subject: { reference: urn(i - 1) } }),
    },
    request: { method: 'POST', url: 'Basic' },
  }));

const send = (type: string, entry: readonly unknown[], headers: Record<string, string> = {}): Promise<Answer> =>
  stack.request('', { headers, body: { resourceType: 'Bundle', type, entry } });

const count = async (query: string): Promise<number> => (await stack.request(`/Basic?${query}&_summary=count`)).json.total;

test('a large transaction stores everything, references between its entries resolved, each byte kept', async () => {
  const answer = await send('transaction', chain(400, 'all'));
  assert.is(answer.status, 200, answer.text.slice(0, 400));
  assert.is(answer.json.entry.length, 400);
  const idOf = (i: number): string => answer.json.entry[i].response.location.split('/').at(-3);
  for (const i of [1, 129, 257, 399]) {
    const { json } = await stack.request(`/Basic/${idOf(i)}`);
    assert.is(json.subject.reference, `Basic/${idOf(i - 1)}`);
    assert.is(json.code.text, NOTE);
  }
  assert.is(await count(`identifier=urn:large|all-399`), 1);
  assert.is(await count(`subject=Basic/${idOf(128)}`), 1);
});

test('conditions, updates and deletes work in a large one too', async () => {
  await send('transaction', [
    { resource: { resourceType: 'Basic', id: 'large-old', code: { text: 'old' } }, request: { method: 'PUT', url: 'Basic/large-old' } },
    { resource: { resourceType: 'Basic', id: 'large-gone', code: { text: 'x' } }, request: { method: 'PUT', url: 'Basic/large-gone' } },
  ]);
  const entries = [
    ...chain(400, 'mixed'),
    { resource: { resourceType: 'Basic', id: 'large-old', code: { text: 'new' } }, request: { method: 'PUT', url: 'Basic/large-old' } },
    { request: { method: 'DELETE', url: 'Basic/large-gone' } },
    {
      resource: { resourceType: 'Basic', code: { text: 'y' }, subject: { reference: 'Basic?identifier=urn:large|mixed-3' } },
      request: { method: 'POST', url: 'Basic', ifNoneExist: 'identifier=urn:large|nobody' },
    },
    { request: { method: 'GET', url: 'Basic?identifier=urn:large|mixed-7' } },
  ];
  const answer = await send('transaction', entries, { prefer: 'return=representation' });
  assert.is(answer.status, 200, answer.text.slice(0, 400));
  const [updated, deleted, created, found] = answer.json.entry.slice(400);
  assert.is(updated.response.etag, 'W/"2"');
  assert.is(deleted.response.status, '204 No Content');
  assert.is(created.resource.subject.reference, `Basic/${answer.json.entry[3].resource.id}`);
  assert.is(found.resource.total, 1);
});

test('a fault in its last entry leaves nothing of a large transaction', async () => {
  const bad = { resource: { resourceType: 'Basic', code: { text: 1 } }, request: { method: 'POST', url: 'Basic' } };
  const invalid = await send('transaction', [...chain(400, 'none'), bad]);
  assert.is(invalid.status, 400);
  assert.match(invalid.json.issue[0].expression[0], /^Bundle\.entry\[400\]/);
  const conflict = {
    resource: { resourceType: 'Basic', id: 'large-old', code: { text: 'z' } },
    request: { method: 'PUT', url: 'Basic/large-old', ifMatch: 'W/"77"' },
  };
  const refused = await send('transaction', [...chain(400, 'none'), conflict]);
  assert.is(refused.status, 412, refused.text.slice(0, 400));
  assert.is(await count('identifier=urn:large|none-0'), 0);
});

test('the same resource twice is refused, far apart as it may be', async () => {
  const put = { resource: { resourceType: 'Basic', id: 'twice', code: { text: 'x' } }, request: { method: 'PUT', url: 'Basic/twice' } };
  const answer = await send('transaction', [put, ...chain(400, 'twice'), put]);
  assert.is(answer.status, 400);
  assert.match(answer.json.issue[0].diagnostics, /Bundle\.entry\[0\] and Bundle\.entry\[401\]/);
});

test('of a large batch each entry stands alone', async () => {
  const bad = { resource: { resourceType: 'Basic', code: { text: 1 } }, request: { method: 'POST', url: 'Basic' } };
  const entries = chain(400, 'batch').map(({ resource, request }) => ({ request, resource: { ...resource, subject: undefined } }));
  const answer = await send('batch', [bad, ...entries]);
  assert.is(answer.status, 200);
  assert.match(answer.json.entry[0].response.status, /^400/);
  assert.is(await count('identifier=urn:large|batch-399'), 1);
});

test('a large Bundle means the same in XML, and is answered in every form that its client takes', async () => {
  const entry = Array.from({ length: 400 }, (_, i) => ({
    resource: { resourceType: 'Basic', id: `form-${i}`, code: { text: NOTE } },
    request: { method: 'PUT', url: `Basic/form-${i}` },
  }));
  const registry = loadRegistry();
  const body = toXml(JSON.stringify({ resourceType: 'Bundle', type: 'batch', entry }), registry);
  for (const headers of [{}, { 'accept-encoding': 'gzip' }, { 'accept-encoding': 'br' }, { accept: 'application/fhir+xml' }]) {
    const answer = await stack.request('', {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/fhir+xml', prefer: 'return=representation', ...headers },
    });
    assert.is(answer.status, 200, answer.text.slice(0, 400));
    const coding = answer.headers['content-encoding'];
    assert.is(coding, 'accept-encoding' in headers ? headers['accept-encoding'] : undefined);
    const text = (
      coding === 'gzip' ? gunzipSync(answer.bytes) : coding === 'br' ? brotliDecompressSync(answer.bytes) : answer.bytes
    ).toString();
    const bundle = JSON.parse('accept' in headers ? fromXml(text, registry) : text);
    assert.is(bundle.type, 'batch-response');
    const shown = bundle.entry.map(({ resource: { id, code }, response }: any) => [id, code.text.trim(), response.status.slice(0, 2)]); // oxlint-disable-line typescript/no-explicit-any -- of an answer
    assert.equal(
      shown,
      entry.map(({ resource: { id, code } }) => [id, code.text.trim(), '20']),
    );
  }
});

test('a large body with a fault is told where', async () => {
  const text = JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: chain(400, 'fault') });
  const cut = await stack.request('', {
    method: 'POST',
    body: `${text.slice(0, -2)},]}`,
    headers: { 'content-type': 'application/fhir+json' },
  });
  assert.is(cut.status, 400);
  assert.match(cut.json.issue[0].diagnostics, /not valid JSON.*at line 1, column \d{7}/);
});

test.run();
