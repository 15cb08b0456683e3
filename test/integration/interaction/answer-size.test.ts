import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classify } from '../../../proto/access/interaction.ts';
import { parseScopes } from '../../../proto/access/scope.ts';
import type { Call } from '../../../fhir/http/call.ts';
import { answer } from '../../../fhir/interaction/answer.ts';
import { openServer } from '../../../fhir/open-server.ts';
import type { Server } from '../../../fhir/server.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let opened: { server: Server; close: () => Promise<void> };

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any -- answers of any shape
}

interface Options {
  readonly body?: object;
  readonly scopes?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

const ask = async (method: string, address: string, { body, scopes = ['system/*.cruds'], headers = {} }: Options = {}): Promise<Asked> => {
  const [path = '', query = ''] = address.split('?', 2);
  const call: Call = {
    target: classify(method, path)!,
    identity: { client: 'test', fingerprint: undefined, requestId: undefined, scopes: parseScopes(scopes), operations: [] },
    requestId: 'r',
    header: (name) => headers[name],
    prefer: { return: undefined, lenient: false, respondAsync: false },
    isPost: method === 'POST',
    query,
    text: () => Promise.resolve(body === undefined ? '' : JSON.stringify(body)),
  };
  const reply = await answer(opened.server, call, () => undefined);
  const { status } = reply;
  const text = 'parts' in reply && reply.parts !== undefined ? Buffer.concat([...reply.parts()]).toString() : reply.body;
  return { status, text: text ?? '', json: text ? JSON.parse(text) : undefined };
};

const LARGE = 7;

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  opened = await openServer({ databaseUrl: database.appUrl, pool: 2, baseUrl: 'http://localhost/fhir' });
  for (let i = 0; i < LARGE; i++) {
    const about = { subject: { reference: 'Patient/p' }, type: { text: 'x' }, status: 'current' };
    const content = [{ attachment: { contentType: 'text/plain', data: 'AAAA'.repeat(1_250_000) } }];
    const body = { resourceType: 'DocumentReference', id: `d${i}`, ...about, content };
    assert.is((await ask('PUT', `/DocumentReference/d${i}`, { body })).status, 201);
  }
  assert.is((await ask('PUT', '/Patient/p', { body: { resourceType: 'Patient', id: 'p', gender: 'other' } })).status, 201);
  await database.settled();
});

test.after(async () => {
  await opened.close();
  await database.drop();
  await cluster.stop();
});

/** The ids on each page, following the next links. */
const pages = async (first: string): Promise<string[][]> => {
  const found: string[][] = [];
  for (let address: string | undefined = first; address !== undefined;) {
    const { status, json, text } = await ask('GET', address);
    assert.is(status, 200, text.slice(0, 300));
    found.push(json.entry.map(({ resource }: { resource: { id: string } }) => resource.id));
    const next: string | undefined = json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
    address = next?.replace('http://localhost/fhir', '');
  }
  return found;
};

test('a page of large resources is shorter, and the pages together bring each once', async () => {
  for (const first of [
    '/DocumentReference?status=current',
    '/DocumentReference?_sort=-_lastUpdated',
    '/DocumentReference/_history?_count=100',
  ]) {
    const found = await pages(first);
    assert.equal(
      found.flat().sort(),
      Array.from({ length: LARGE }, (_, i) => `d${i}`),
      first,
    );
    assert.equal(
      found.map(({ length }) => length),
      [2, 2, 2, 1],
      first,
    );
  }
});

test('more than a page may have is not included', async () => {
  const { status, text } = await ask('GET', '/Patient?_id=p&_revinclude=DocumentReference:subject');
  assert.is(status, 413, text.slice(0, 300));
  const one = await ask('GET', '/DocumentReference?_id=d1&_include=DocumentReference:subject');
  assert.is(one.json.entry.length, 2);
});

test('a Bundle of reads that ask for very much is answered in part, a transaction not at all', async () => {
  const reads = Array.from({ length: 30 }, () => ({ request: { method: 'GET', url: 'DocumentReference/d1' } }));
  const write = { request: { method: 'DELETE', url: 'Patient/late' } };
  const batch = await ask('POST', '/', { body: { resourceType: 'Bundle', type: 'batch', entry: [...reads, write] } });
  assert.is(batch.status, 200);
  const states: string[] = batch.json.entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3));
  assert.ok(states.filter((status) => status === '413').length > 5, states.join());
  assert.is(states.at(-1), '204');
  const entry = [{ request: { method: 'PUT', url: 'Patient/t' }, resource: { resourceType: 'Patient', id: 't' } }, ...reads];
  assert.is((await ask('POST', '/', { body: { resourceType: 'Bundle', type: 'transaction', entry } })).status, 413);
  assert.is((await ask('GET', '/Patient/t')).status, 404);
});

test('who may change a resource and not read it is not shown it by a patch', async () => {
  const patch = [{ op: 'add', path: '/active', value: true }];
  const headers = { 'content-type': 'application/json-patch+json' };
  const blind = await ask('PATCH', '/Patient/p', { body: patch, headers, scopes: ['system/Patient.u'] });
  assert.is(blind.status, 200);
  assert.is(blind.text, '');
  const seeing = await ask('PATCH', '/Patient/p', { body: patch, headers, scopes: ['system/Patient.ru'] });
  assert.is(seeing.json.gender, 'other');
});

test.run();
