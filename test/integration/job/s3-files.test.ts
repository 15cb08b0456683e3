import { randomBytes, randomUUID } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { ListMultipartUploadsCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { JobFiles } from '../../../fhir/job/files.ts';
import { openJobFiles } from '../../../fhir/job/open-files.ts';
import { type Line, readLines } from '../../../fhir/job/import/import-file.ts';
import type { ImportSource } from '../../../fhir/job/import/import-source.ts';
import { openImportSource } from '../../../fhir/job/import/open-source.ts';
import { readEnv } from '../../../proto/process/env.ts';
import { noStore, startStore, type TestStore } from '../../support/s3.ts';

let store: TestStore;
let name: string;
let files: JobFiles;
let source: ImportSource;

const statusOf = (work: Promise<unknown>): Promise<number | undefined> =>
  work.then(
    () => undefined,
    (error: { status?: number }) => error.status,
  );
const putText = (key: string, body: string | Buffer): Promise<unknown> =>
  store.client.send(new PutObjectCommand({ Bucket: name, Key: `imports/${key}`, Body: body }));
const uploads = async (): Promise<number> =>
  (await store.client.send(new ListMultipartUploadsCommand({ Bucket: name }))).Uploads?.length ?? 0;

const reason = noStore();
if (reason !== undefined) test('files of jobs in an S3 store', () => console.log(reason));
else {
  test.before(async () => {
    store = await startStore();
    name = await store.createBucket({ isLocking: false });
    const env = readEnv(store.env);
    files = (await openJobFiles(`s3://${name}/exports`, env))!;
    source = (await openImportSource(`s3://${name}/imports/`, env))!;
  });
  test.after(() => store.stop());

  test('a file is there when it is closed and not before, packed or unpacked, small or in several parts', async () => {
    const job = randomUUID();
    // Bytes that can't be packed: 12 MB are two parts.
    for (const lines of [1, 12_000]) {
      const file = { job, name: `Patient-${lines}.ndjson` };
      const all = Array.from({ length: lines }, () => `${randomBytes(768).toString('base64')}\n`);
      const writer = await files.create(file);
      for (const line of all) await writer.write(line);
      assert.is(await statusOf(files.require(file)), 404);
      await writer.close();
      await files.require(file);
      assert.is(await text(await files.open({ ...file, gzip: false })), all.join(''));
      const packed = Buffer.concat(await Array.fromAsync(await files.open({ ...file, gzip: true })));
      assert.is(gunzipSync(packed).toString(), all.join(''));
    }
    assert.is(await uploads(), 0);
  });

  test('a file that was abandoned is not there, and one begun again takes its place', async () => {
    const file = { job: randomUUID(), name: 'Patient-0001.ndjson' };
    const former = await files.create(file);
    for (let i = 0; i < 12; i++) await former.write(randomBytes(768 << 10).toString('base64'));
    assert.is(await uploads(), 1, 'it has a part already');
    await former.abandon();
    assert.is(await uploads(), 0);
    assert.is(await statusOf(files.require(file)), 404);
    const writer = await files.create(file);
    await writer.write('{}\n');
    await writer.close();
    assert.is(await text(await files.open({ ...file, gzip: false })), '{}\n');
  });

  test('what a job has made is removed, with what a process that died had begun', async () => {
    const [job, other] = [randomUUID(), randomUUID()];
    for (const each of [job, other]) {
      const writer = await files.create({ job: each, name: 'a.ndjson' });
      await writer.write('{}\n');
      await writer.close();
    }
    await files.append({ job, name: 'errors.ndjson', at: 0, text: 'x' });
    const died = await files.create({ job, name: 'b.ndjson' });
    for (let i = 0; i < 12; i++) await died.write(randomBytes(768 << 10).toString('base64'));
    assert.is(await uploads(), 1);
    await files.remove(job);
    assert.is(await uploads(), 0);
    assert.equal(await store.versions(name, `exports/${job}/`), []);
    await files.require({ job: other, name: 'a.ndjson' });
    await died.abandon();
  });

  test('what is appended is one file when it is published, without what a process that died has left', async () => {
    const file = { job: randomUUID(), name: 'errors.ndjson' };
    const first = await files.append({ ...file, at: 0, text: 'one\n' });
    await files.append({ ...file, at: first, text: 'died\n' });
    const second = await files.append({ ...file, at: first, text: 'two\n' });
    await files.append({ ...file, at: second, text: 'died after that\n' });
    assert.is(await statusOf(files.require(file)), 404);
    for (let again = 0; again < 2; again++) {
      await files.publish({ ...file, bytes: second });
      assert.is(await text(await files.open({ ...file, gzip: false })), 'one\ntwo\n');
    }
    assert.is((await store.versions(name, `exports/${file.job}/`)).length, 1);
  });

  const readAll = async (file: string): Promise<Line[]> => {
    const found = await source.find(file, undefined);
    const all: Line[] = [];
    for (let offset = 0; ;) {
      const batch = await readLines(source, found, { offset, lines: all.length, maxLines: 1000, maxBytes: 1 << 20, maxLineBytes: 600_000 });
      all.push(...batch.lines);
      offset = batch.offset;
      if (batch.isEnd) return all;
    }
  };

  test('the lines of a file to import are read once each, over pieces and batches', async () => {
    const texts = ['a', '', 'ü'.repeat(150_000), ...Array.from({ length: 9000 }, (_, i) => `${i} ${'x'.repeat(600)}`)];
    await putText('folder/lines.ndjson', texts.join('\n'));
    assert.equal(
      (await readAll('folder/lines.ndjson')).map(({ number, text: line }) => [number, line]),
      texts.map((line, i) => [i + 1, line]),
    );
  });

  test('finds nothing outside of the prefix, and notices that a file was changed', async () => {
    await store.client.send(new PutObjectCommand({ Bucket: name, Key: 'secret.ndjson', Body: 'x' }));
    for (const wrong of ['../secret.ndjson', '/secret.ndjson', 'nothing', 's3://other/a.ndjson', 'http://example.org/a', 'folder', '']) {
      assert.is(await statusOf(source.find(wrong, undefined)), 400, wrong);
    }
    await putText('changing', 'a\n');
    const file = await source.find('changing', undefined);
    await putText('changing', 'b\n');
    const range = { offset: 0, lines: 0, maxLines: 3, maxBytes: 10, maxLineBytes: 10 };
    assert.is(await statusOf(readLines(source, file, range)), 409);
  });

  test('a store that does not answer is 503 for who asks', async () => {
    const away = (await openJobFiles(`s3://${name}/exports`, readEnv({ ...store.env, S3_ENDPOINT: 'http://127.0.0.1:9' })))!;
    assert.is(await statusOf(away.require({ job: randomUUID(), name: 'a' })), 503);
  });
}

test.run();
