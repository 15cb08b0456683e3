import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { createServer } from 'node:tls';
import { PutObjectCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { historyName, segmentPath, tilePath } from '../../../fhir/audit/bucket-format.ts';
import type { Bucket } from '../../../fhir/audit/bucket.ts';
import { openBucket } from '../../../fhir/audit/open-bucket.ts';
import { eachOf } from '../../../fhir/in-order.ts';
import { sha256Base64 } from '../../../fhir/s3/objects.ts';
import { openAuthority } from '../../../local/pki/authority.ts';
import { readEnv } from '../../../proto/process/env.ts';
import { noStore, startStore, type TestStore } from '../../support/s3.ts';

const DAY_MS = 86_400_000;
const SEGMENT = segmentPath({ first: 0, count: 3 });
const BYTES = Buffer.from('three events');

let store: TestStore;
let name: string;

const open = (address: string, settings: Record<string, string> = {}): Promise<Bucket> =>
  openBucket(address, readEnv({ ...store.env, ...settings }));

const reason = noStore();
if (reason !== undefined) test('the bucket in an S3 store', () => console.log(reason));
else {
  test.before(async () => {
    store = await startStore();
    name = await store.createBucket();
  });
  test.after(() => store.stop());

  test('what is kept is locked for seven years, and nobody can remove it or shorten that', async () => {
    const bucket = await open(`s3://${name}/log`);
    await bucket.prepare();
    for (const path of [SEGMENT, tilePath(0, 0), `history/${historyName(3, '2026-11-24T13:55:15.123Z')}`]) {
      assert.ok(await bucket.putOnce(path, BYTES), path);
      const key = `log/${path}`;
      const head = await store.head(name, key);
      assert.is(head.ObjectLockMode, 'COMPLIANCE');
      assert.is(head.ChecksumSHA256, sha256Base64(BYTES));
      const days = (head.ObjectLockRetainUntilDate!.getTime() - Date.now()) / DAY_MS;
      assert.ok(days > 2556 && days < 2558, `${days} days`);
      const [version] = await store.versions(name, key);
      assert.is(await store.removeVersion(name, key, version!.version), 403);
      const shorter = new PutObjectRetentionCommand({
        Bucket: name,
        Key: key,
        Retention: { Mode: 'COMPLIANCE', RetainUntilDate: new Date(Date.now() + DAY_MS) },
      });
      const refused = await store.client.send(shorter).catch((error: { $metadata: { httpStatusCode: number } }) => error);
      assert.is(refused.$metadata.httpStatusCode, 403);
    }
  });

  test('what is there already stays, and of many that put at once one does', async () => {
    const bucket = await open(`s3://${name}/race`, { AUDIT_RETENTION_DAYS: '1' });
    const done = await Promise.all(Array.from({ length: 5 }, (_, i) => bucket.putOnce(SEGMENT, Buffer.from(`${i}`))));
    assert.is(done.filter(Boolean).length, 1);
    assert.is((await bucket.get(SEGMENT))!.toString(), String(done.indexOf(true)));
    assert.not(await bucket.putOnce(SEGMENT, BYTES));
    assert.is((await store.versions(name, `race/${SEGMENT}`)).length, 1);
  });

  test('what is there already with a shorter lock, or none, is locked for as long as it must be', async () => {
    for (const [prefix, days] of [
      ['short', '10'],
      ['none', undefined],
    ] as const) {
      const former = await open(
        `s3://${name}/${prefix}`,
        days === undefined ? { AUDIT_OBJECT_LOCK: 'off' } : { AUDIT_RETENTION_DAYS: days },
      );
      await former.putOnce(SEGMENT, BYTES);
      const bucket = await open(`s3://${name}/${prefix}`, { AUDIT_RETENTION_DAYS: '20' });
      assert.not(await bucket.putOnce(SEGMENT, BYTES));
      const head = await store.head(name, `${prefix}/${SEGMENT}`);
      assert.is(head.ObjectLockMode, 'COMPLIANCE');
      assert.ok(head.ObjectLockRetainUntilDate!.getTime() > Date.now() + 19 * DAY_MS);
    }
  });

  test('the pointer and partial tiles are not locked: they are replaced and removed', async () => {
    const bucket = await open(`s3://${name}/loose`);
    for (const text of ['one', 'two']) await bucket.replace('checkpoint', Buffer.from(text));
    assert.is((await bucket.get('checkpoint'))!.toString(), 'two');
    assert.is((await store.head(name, 'loose/checkpoint')).ObjectLockMode, undefined);
    for (const width of [1, 200]) await bucket.replace(tilePath(0, 0, width), BYTES);
    await bucket.putOnce(tilePath(0, 0), BYTES);
    assert.equal(await Array.fromAsync(bucket.list('tile/0/000.p')), ['1', '200']);
    await bucket.removeFolder('tile/0/000.p');
    assert.equal(await Array.fromAsync(bucket.list('tile/0/000.p')), []);
    assert.ok(await bucket.get(tilePath(0, 0)));
    for (const wrong of [
      () => bucket.replace(SEGMENT, BYTES),
      () => bucket.putOnce('checkpoint', BYTES),
      () => bucket.removeFolder('tile/0'),
    ])
      assert.match(
        await wrong().then(
          () => 'done',
          (error: Error) => error.message,
        ),
        /is kept|not kept|never removed/,
      );
  });

  test('a bucket without Object Lock is refused by name, unless the operator takes that on', async () => {
    const plain = await store.createBucket({ isLocking: false });
    const bucket = await open(`s3://${plain}/log`);
    const refused = await bucket.prepare().catch((error: Error) => error);
    assert.is((refused as Error).name, 'UnfitBucketError');
    assert.match((refused as Error).message, new RegExp(`${plain} has no Object Lock with versioning`));
    const off = await open(`s3://${plain}/log`, { AUDIT_OBJECT_LOCK: 'off' });
    await off.prepare();
    assert.ok(await off.putOnce(SEGMENT, BYTES));
    assert.not(await off.putOnce(SEGMENT, BYTES));
  });

  test('a listing goes on over pages, and begins after a name', async () => {
    const keys = Array.from({ length: 1003 }, (_, i) => segmentPath({ first: i, count: 1 }));
    await eachOf(keys, 16, async (path) => {
      await store.client.send(new PutObjectCommand({ Bucket: name, Key: `many/${path}`, Body: 'x' }));
    });
    const bucket = await open(`s3://${name}/many`);
    const names = keys.map((path) => path.slice('seg/'.length));
    assert.equal(await Array.fromAsync(bucket.list('seg')), names);
    assert.equal(await Array.fromAsync(bucket.list('seg', names[999])), names.slice(1000));
    assert.equal(await Array.fromAsync(bucket.list('seg', '000000000999')), names.slice(999));
    assert.equal(await Array.fromAsync(bucket.list('nothing')), []);
  });

  test('a store with a certificate of a private authority is reached with S3_CA_FILE, and not without', async () => {
    const { hostname, port, protocol } = new URL(store.env['S3_ENDPOINT']!);
    if (protocol !== 'http:') return console.log('skipped: this store has a certificate of its own');
    const dir = mkdtempSync(join(tmpdir(), 's3-tls-'));
    const { serverDir, caFile } = await openAuthority(dir);
    const pem = (file: string): Buffer => readFileSync(join(serverDir, file));
    const door = createServer({ cert: pem('tls.crt'), key: pem('tls.key') }, (socket) => {
      const inner = connect(Number(port), hostname);
      pipeline(socket, inner, socket, () => undefined);
    });
    door.listen(0, '127.0.0.1');
    await once(door, 'listening');
    try {
      const S3_ENDPOINT = `https://127.0.0.1:${(door.address() as AddressInfo).port}`;
      const bucket = await open(`s3://${name}/tls`, { S3_ENDPOINT, S3_CA_FILE: caFile });
      await bucket.prepare();
      assert.ok(await bucket.putOnce(SEGMENT, BYTES));
      const stranger = await open(`s3://${name}/tls`, { S3_ENDPOINT });
      assert.match(
        await stranger.prepare().then(
          () => 'done',
          (error: Error) => error.message,
        ),
        /UNABLE_TO_VERIFY|SELF_SIGNED/,
      );
    } finally {
      door.close();
      rmSync(dir, { recursive: true });
    }
  });

  test('a bucket that is not there is an error that says so, and no empty log', async () => {
    const bucket = await open('s3://portcullis-test-nowhere/log');
    for (const ask of [
      () => bucket.prepare(),
      () => bucket.get('checkpoint'),
      () => Array.fromAsync(bucket.list('seg')),
      () => bucket.putOnce(SEGMENT, BYTES),
    ]) {
      const error = await ask().then(
        () => undefined,
        (failure: Error & { code: string }) => failure,
      );
      assert.is(error?.name, 'StoreError');
      assert.match(error!.code, /NoSuchBucket 404/, String(ask));
    }
  });
}

test.run();
