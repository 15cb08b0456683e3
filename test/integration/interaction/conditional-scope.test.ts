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

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  opened = await openServer({ databaseUrl: database.appUrl, pool: 1, baseUrl: 'http://localhost/fhir' });
});

test.after(async () => {
  await opened.close();
  await database.drop();
  await cluster.stop();
});

const ask = async (
  method: string,
  path: string,
  {
    body,
    query = '',
    headers = {},
    scopes = ['system/Patient.cruds'],
  }: { body?: object; query?: string; headers?: Record<string, string>; scopes?: string[] },
): Promise<{ status: number; text: string }> => {
  const call: Call = {
    target: classify(method, path)!,
    identity: {
      client: 'test',
      fingerprint: undefined,
      requestId: undefined,
      scopes: parseScopes(scopes),
      operations: [],
    },
    requestId: 'r',
    header: (name) => headers[name],
    prefer: { return: undefined, lenient: false, respondAsync: false },
    isPost: method === 'POST',
    query,
    text: () => Promise.resolve(body === undefined ? '' : JSON.stringify(body)),
  };
  const { status, body: text } = await answer(opened.server, call, () => undefined);
  return { status, text: text ?? '' };
};

test('criteria can only search what the caller may search, through references too', async () => {
  const patient = { resourceType: 'Patient' };
  const query = 'organization.name=secret';
  const entry = [{ resource: patient, request: { method: 'POST', url: 'Patient', ifNoneExist: query } }];
  const patch = { resourceType: 'Parameters' };
  for (const refused of [
    ask('POST', '/Patient', { body: patient, headers: { 'if-none-exist': query } }),
    ask('PUT', '/Patient', { body: patient, query }),
    ask('PATCH', '/Patient', { body: patch, query, headers: { 'content-type': 'application/fhir+json' } }),
    ask('DELETE', '/Patient', { query }),
    ask('POST', '/', { body: { resourceType: 'Bundle', type: 'transaction', entry } }),
    ask('POST', '/', {
      body: { resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url: `Patient?${query}` } }] },
    }),
  ]) {
    const { status, text } = await refused;
    assert.is(status, 403, text);
    assert.match(text, /system\/Organization\.s/);
  }
  assert.is((await ask('PUT', '/Patient', { body: patient, query: 'active=true' })).status, 201);
});

test('a history of what a List names is told to who may search Lists', async () => {
  const query = '_list=any';
  const { status, text } = await ask('GET', '/Patient/_history', { query });
  assert.is(status, 403, text);
  assert.match(text, /system\/List\.s/);
  assert.is((await ask('GET', '/Patient/_history', { query, scopes: ['system/Patient.cruds', 'system/List.s'] })).status, 200);
});

test('criteria go through references where the caller may', async () => {
  const scopes = ['system/Patient.cruds', 'system/Organization.s'];
  const headers = { 'if-none-exist': 'organization.name=anybody' };
  const { status, text } = await ask('POST', '/Patient', { body: { resourceType: 'Patient' }, headers, scopes });
  assert.is(status, 201, text);
  assert.is((await ask('DELETE', '/Patient', { query: 'organization.name=anybody', scopes })).status, 204);
});

test('a conditional reference searches a type that the caller may search', async () => {
  const resource = { resourceType: 'Patient', managingOrganization: { reference: 'Organization?name=secret' } };
  const { status, text } = await ask('POST', '/', {
    body: { resourceType: 'Bundle', type: 'transaction', entry: [{ resource, request: { method: 'POST', url: 'Patient' } }] },
  });
  assert.is(status, 403, text);
  assert.match(text, /Bundle\.entry\[0\].*system\/Organization\.s/);
  await ask('PUT', '/Patient/p', { body: { resourceType: 'Patient', id: 'p', active: true } });
  const body = [{ op: 'add', path: '/managingOrganization', value: { reference: 'Organization?name=secret' } }];
  const headers = { 'content-type': 'application/json-patch+json' };
  // The pool has one connection: what is patched by criteria is searched for on the one that holds their lock.
  for (const target of [{ path: '/Patient/p' }, { path: '/Patient', query: '_id=p' }]) {
    const patch = (scopes: string[]): Promise<{ status: number; text: string }> =>
      ask('PATCH', target.path, { ...target, body, headers, scopes });
    const refused = await patch(['system/Patient.cruds']);
    assert.is(refused.status, 403, refused.text);
    assert.match(refused.text, /system\/Organization\.s/);
    assert.is((await patch(['system/Patient.cruds', 'system/Organization.s'])).status, 412);
  }
});

test.run();
