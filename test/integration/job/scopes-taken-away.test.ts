import postgres from 'postgres';
import { randomUUID } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { classify } from '../../../proto/access/interaction.ts';
import { parseScopes } from '../../../proto/access/scope.ts';
import type { Call } from '../../../fhir/http/call.ts';
import { answer } from '../../../fhir/interaction/answer.ts';
import { folderFiles } from '../../../fhir/job/folder-files.ts';
import { openServer } from '../../../fhir/open-server.ts';
import type { Server } from '../../../fhir/server.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let opened: { server: Server; close: () => Promise<void> };
let owner: postgres.Sql;

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  const jobs = { exportBucket: folderFiles('/nowhere'), importBucket: undefined };
  opened = await openServer({ databaseUrl: database.appUrl, pool: 1, baseUrl: 'http://localhost/fhir', jobs });
  owner = postgres(database.ownerUrl, { max: 1 });
});

test.after(async () => {
  await owner.end();
  await opened.close();
  await database.drop();
  await cluster.stop();
});

const ask = async (
  path: string,
  scopes: readonly string[],
  respondAsync = false,
): Promise<{ status: number; text: string; at: string }> => {
  const call: Call = {
    target: classify('GET', path)!,
    identity: { client: 'test', fingerprint: undefined, requestId: undefined, scopes: parseScopes(scopes), operations: ['*'] },
    requestId: 'r',
    header: () => undefined,
    prefer: { return: undefined, lenient: false, respondAsync },
    isPost: false,
    query: '',
    text: () => Promise.resolve(''),
  };
  const { status, body, headers } = await answer(opened.server, call, () => undefined);
  return { status, text: body ?? '', at: headers['content-location']?.replace('http://localhost/fhir', '') ?? '' };
};

test('a result is shown only as long as the client may read what it could read when it asked', async () => {
  const { status, at } = await ask('/Patient', ['system/Patient.rs', 'system/Observation.rs'], true);
  assert.is(status, 202);
  await owner`update fhir.job set status = 'done', result = '{"resourceType":"Bundle"}', expires = now() + interval '1 hour'`;
  assert.is((await ask(at, ['system/*.rs'])).status, 200);
  const { status: refused, text } = await ask(at, ['system/Observation.rs']);
  assert.is(refused, 403);
  assert.match(text, /system\/Patient\.r/);
});

test('a file of an export is opened only for who may still find and read its type', async () => {
  const id = randomUUID();
  const file = (name: string, type: string): object => ({ type, url: `http://localhost/fhir/$export/${id}/${name}`, count: 1 });
  const result = JSON.stringify({
    output: [file('Patient-0001.ndjson', 'Patient')],
    deleted: [file('Patient-0001.deleted.ndjson', 'Bundle')],
    error: [],
  });
  await owner`insert into fhir.job (id, kind, client, request, status, result, expires)
    values (${id}, 'export', 'test', '{}', 'done', ${result}, now() + interval '1 hour')`;
  for (const name of ['Patient-0001.ndjson', 'Patient-0001.deleted.ndjson']) {
    const path = `/$export/${id}/${name}`;
    assert.is((await ask(path, ['system/Observation.rs', 'system/Patient.r'])).status, 403);
    const { status, text } = await ask(path, ['system/Patient.rs']);
    assert.is(status, 404);
    assert.match(text, /not there any more/);
  }
});

test.run();
