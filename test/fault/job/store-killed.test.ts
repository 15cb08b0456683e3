import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readBucket } from '../../../fhir/audit/open-bucket.ts';
import { parseVerifierKey } from '../../../fhir/audit/signing-key.ts';
import { verifyLog } from '../../../fhir/audit/verify/verify-log.ts';
import { readEnv } from '../../../proto/process/env.ts';
import { fetchBytes, jobDone, linesOf } from '../../support/job.ts';
import { noStore, startStore, type TestStore } from '../../support/s3.ts';
import { eventually, type Stack, startStack } from '../../support/stack.ts';

const COUNT = 6000;
let store: TestStore;
let name: string;
let stack: Stack;
let sql: postgres.Sql;

const killFhir = async (): Promise<void> => {
  stack.system.parts.get('fhir')!.kill('SIGKILL');
  await stack.system.restart('fhir');
};

const reason = noStore();
if (reason !== undefined) test('the whole system with its buckets in an S3 store', () => console.log(reason));
else {
  test.before(async () => {
    store = await startStore();
    name = await store.createBucket();
    stack = await startStack({
      environment: {
        fhir: { ...store.env, JOB_LEASE_SECONDS: '2', EXPORT_BUCKET: `s3://${name}/exports`, IMPORT_BUCKET: `s3://${name}/imports` },
        relay: { ...store.env, AUDIT_BUCKET: `s3://${name}/audit`, AUDIT_RETENTION_DAYS: '1' },
      },
    });
    sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  });
  test.after(async () => {
    await sql.end();
    await stack.stop();
    await store.stop();
  });

  test('an import from the store goes on after kill -9 of its process, and its errors are a file there', async () => {
    const line = (i: number): string =>
      i % 100 === 99 ? '{"resourceType":"Basic"' : JSON.stringify({ resourceType: 'Basic', code: { text: `line ${i}` } });
    const Body = Array.from({ length: COUNT }, (_, i) => `${line(i)}\n`).join('');
    await store.client.send(new PutObjectCommand({ Bucket: name, Key: 'imports/many.ndjson', Body }));
    const begun = await stack.request('/$import', {
      body: { resourceType: 'Parameters', parameter: [{ name: 'input', part: [{ name: 'url', valueUri: 'many.ndjson' }] }] },
    });
    const stored = async (): Promise<number> => (await sql`select count(*)::int as n from fhir.resource`)[0]!['n'] as number;
    for (const least of [1000, 3000]) {
      await eventually(`${least} are stored`, async () => (await stored()) >= least, 60_000);
      await killFhir();
    }
    const { status, json } = await jobDone(stack, begun, { limitMs: 120_000 });
    assert.is(status, 200);
    assert.equal(json.output, [{ type: 'Basic', count: COUNT - COUNT / 100, inputUrl: 'many.ndjson' }]);
    assert.is((await linesOf(stack, json.error[0].url)).length, COUNT / 100);
    assert.is(await stored(), COUNT - COUNT / 100);
  });

  test('an export into the store goes on after kill -9, its files are served packed, and a cancelled one leaves nothing', async () => {
    const begun = await stack.request('/$export?_type=Basic');
    const id = (begun.headers['content-location'] as string).split('/').at(-1)!;
    await eventually('it runs', async () => (await sql`select 1 from fhir.job where id = ${id} and state is not null`).length > 0);
    await killFhir();
    const { status, json } = await jobDone(stack, begun, { limitMs: 120_000 });
    assert.is(status, 200);
    const lines = await Promise.all(json.output.map(({ url }: { url: string }) => linesOf(stack, url)));
    assert.is(new Set(lines.flat().map((each: { id: string }) => each.id)).size, COUNT - COUNT / 100);
    const { bytes, headers } = await fetchBytes(stack, json.output[0].url, { headers: { 'accept-encoding': 'gzip' } });
    assert.is(headers['content-encoding'], 'gzip');
    assert.ok(bytes.length > 0);
    assert.is((await stack.request(begun.headers['content-location'] as string, { method: 'DELETE' })).status, 202);
    // Who starts tidies up first, and then once a minute.
    await stack.system.restart('fhir');
    await eventually(
      'its files are gone',
      async () => (await Array.fromAsync((await readBucket(`s3://${name}/exports`, readEnv(store.env))).list(id))).length === 0,
      90_000,
    );
    assert.equal((await store.client.send(new ListMultipartUploadsCommand({ Bucket: name }))).Uploads ?? [], []);
  });

  test('all of it is sealed in the store, locked, and verifies with the key alone', async () => {
    const key = parseVerifierKey(readFileSync(join(stack.data, 'audit/public.key'), 'utf8'));
    const bucket = await readBucket(`s3://${name}/audit`, readEnv(store.env));
    await eventually('sealed', async () => {
      const [row] = await sql`select count(*)::int as n from audit.event`;
      return (await verifyLog({ bucket, key })).events === row!['n'];
    });
    assert.equal((await verifyLog({ bucket, key })).problems, []);
    const segment = (await store.versions(name, 'audit/seg/'))[0]!.key;
    assert.is((await store.head(name, segment)).ObjectLockMode, 'COMPLIANCE');
  });
}

test.run();
