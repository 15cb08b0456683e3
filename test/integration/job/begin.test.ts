import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let replicas: readonly FhirProcess[];
let owner: postgres.Sql;
let bucket: string;

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  bucket = mkdtempSync(join(tmpdir(), 'jobs-'));
  // Nobody works on the jobs: they stay as they were begun.
  const start = (): Promise<FhirProcess> => startFhir(database.appUrl, { EXPORT_BUCKET: bucket, BACKGROUND: 'off' });
  replicas = await Promise.all([start(), start()]);
  owner = postgres(database.ownerUrl, { max: 1 });
});

test.after(async () => {
  await owner.end();
  await Promise.all(replicas.map(({ stop }) => stop()));
  await database.drop();
  await cluster.stop();
  rmSync(bucket, { recursive: true, force: true });
});

const jobs = async (): Promise<number> => (await owner`select count(*)::int as n from fhir.job`)[0]!['n'] as number;
const async_ = { prefer: 'respond-async' };
const transaction = (url: string, more: object[] = []): object => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [{ request: { method: 'GET', url } }, ...more],
});

test('ten jobs of a client wait at once, however many are begun at the same time on whichever replica', async () => {
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) => replicas[i % 2]!.request(`/Patient?_count=${i}`, { headers: async_ })),
  );
  const statuses = answers.map(({ status }) => status).sort();
  assert.equal(statuses, [...Array.from({ length: 10 }, () => 202), ...Array.from({ length: 30 }, () => 429)]);
  assert.is(await jobs(), 10);
  await owner`delete from fhir.job`;
});

test('a form with U+0000 that is to be answered later is refused, and no job is begun', async () => {
  const headers = { ...async_, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await replicas[0]!.request('/Patient/_search', { body: 'name=a\0b', headers });
  assert.is(answer.status, 400, answer.text);
  assert.match(answer.json.issue[0].diagnostics, /NUL/);
  assert.is(await jobs(), 0);
  assert.is((await replicas[0]!.request('/Patient/_search', { body: String.raw`name=\u0000`, headers })).status, 202);
  await owner`delete from fhir.job`;
});

test('an export in a transaction is refused, so that none is left where the transaction is undone', async () => {
  const answer = await replicas[0]!.request('/', { body: transaction('$export'), headers: async_ });
  assert.is(answer.status, 400, answer.text);
  assert.match(answer.json.issue[0].diagnostics, /\$export goes on in the background and can't be part of a transaction/);
  assert.is(await jobs(), 0);
  const batch = await replicas[0]!.request('/', { body: { ...transaction('$export'), type: 'batch' } });
  assert.match(batch.json.entry[0].response.status, /^202/);
});

test.run();
