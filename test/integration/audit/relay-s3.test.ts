import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { segmentPath } from '../../../fhir/audit/bucket-format.ts';
import { createOutbox } from '../../../fhir/audit/outbox.ts';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { freePorts } from '../../../local/ports.ts';
import type { RunningProcess } from '../../../local/processes.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { anEvent } from '../../support/audit-events.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { type RelayFolder, relayFolder } from '../../support/relay.ts';
import { noStore, startStore, type TestStore } from '../../support/s3.ts';
import { eventually } from '../../support/stack.ts';

const EVENTS = 3000;

let server: TestPostgres;
let database: TestDatabase;
let app: Sql;
let store: TestStore;
let name: string;
let folder: RelayFolder;
let metrics: string;

const append = async (count: number): Promise<void> => {
  const outbox = createOutbox(app);
  await Promise.all(Array.from({ length: count }, () => outbox.append(anEvent({ resource: 'Patient/p1' }))));
  await outbox.close();
};

const sealed = async (events: number): Promise<void> => {
  await eventually('sealed', async () => (await folder.verify()).events === events);
};

/** The value of a metric of the relay that runs. */
const gauge = async (wanted: string): Promise<number> => {
  const text = await (await fetch(`http://${metrics}/metrics`)).text();
  return Number(new RegExp(`^${wanted} (\\S+)$`, 'm').exec(text)?.[1]);
};

const audit = (command: string, ...args: string[]): { code: number; out: string } => {
  const options = ['--key', join(folder.dir, 'public.key'), ...(command === 'check' ? [] : ['--bucket', folder.bucket])];
  try {
    // Where it stands it may keep what it has verified.
    const out = execFileSync(process.execPath, [join(PROJECT, 'fhir/audit/cli.ts'), command, ...args, ...options], {
      cwd: folder.dir,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return { code: 0, out };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, out: stdout + stderr };
  }
};

const reason = noStore();
if (reason !== undefined) test('the relay with a bucket in an S3 store', () => console.log(reason));
else {
  test.before(async () => {
    server = await startPostgres();
    database = await server.createDatabase();
    app = createPool(database.appUrl, { max: 4, application: 'test' });
    store = await startStore();
    name = await store.createBucket();
    metrics = `127.0.0.1:${(await freePorts(1))[0]}`;
    folder = relayFolder(database, {
      bucket: `s3://${name}/log`,
      env: { ...store.env, AUDIT_RETENTION_DAYS: '1', METRICS_LISTEN: metrics },
    });
  });
  test.after(async () => {
    await app.end();
    folder.remove();
    await Promise.all([database.drop(), store.stop()]);
    await server.stop();
  });

  test('seals into the store, and of two relays one seals, and the other goes on when it is killed', async () => {
    const first = await folder.start();
    const second = await folder.start({ isStandby: true, env: { METRICS_LISTEN: '' } });
    await append(EVENTS);
    await sealed(EVENTS);
    first.kill('SIGKILL');
    await append(10);
    await sealed(EVENTS + 10);
    assert.is((await second.stop(10_000)).code, 0);
    assert.equal((await folder.verify()).problems, []);
  });

  test('the auditor verifies, proves and lists disclosures with the address and the public key', () => {
    const verified = audit('verify');
    assert.is(verified.code, 0, verified.out);
    assert.match(verified.out, /^VERIFIED up to/m);
    assert.equal(readdirSync(join(folder.dir, '.portcullis/audit')), [`${name}-log-s3.verified`]);
    assert.is(audit('verify').code, 0);
    const file = join(folder.dir, 'event.proof');
    for (const index of ['0', '256', String(EVENTS + 9)]) {
      assert.is(audit('prove', index, '--out', file).code, 0);
      assert.match(audit('check', file).out, new RegExp(`PROVEN: this is event ${index} of the log`));
    }
    assert.match(audit('disclosures', '--patient', 'Patient/p1').out, new RegExp(`^${EVENTS + 10} events concern Patient/p1`, 'm'));
  });

  test('verify finds what was put over a locked object, and what a marker hides; both lie there still', async () => {
    const { key } = (await store.versions(name, 'log/seg/'))[0]!;
    const whole = await (await store.client.send(new GetObjectCommand({ Bucket: name, Key: key }))).Body!.transformToByteArray();
    const changed = Buffer.from(whole);
    changed[changed.length >> 1]! ^= 1;
    const { VersionId: over } = await store.client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: changed }));
    assert.is(audit('verify').code, 1);
    await store.removeVersion(name, key, over!);
    const { VersionId: marker } = await store.client.send(new DeleteObjectCommand({ Bucket: name, Key: key }));
    assert.match(audit('verify').out, /a segment is missing: events 0 to/);
    await store.removeVersion(name, key, marker!);
    assert.is(audit('verify').code, 0);
  });

  test('while the store does not answer events wait, the lag shows, and afterwards nothing is lost', async () => {
    if (store.pause === undefined) return console.log('skipped: this store can not be paused');
    const relay = await folder.start();
    try {
      const resume = store.pause();
      try {
        await append(20);
        await eventually('the lag shows', async () => (await gauge('audit_unsealed_age_seconds')) > 3);
        assert.not(relay.hasExited());
      } finally {
        resume();
      }
      await sealed(EVENTS + 30);
      await eventually('the lag is gone', async () => (await gauge('audit_unsealed_age_seconds')) === 0);
    } finally {
      await relay.stop(10_000);
    }
    assert.equal((await folder.verify()).problems, []);
  });

  test('a relay whose store is away at its start waits for it, and one whose bucket has no Object Lock says so and stops', async () => {
    const away = relayFolder(database, {
      bucket: folder.bucket,
      env: { ...store.env, S3_ENDPOINT: 'http://127.0.0.1:9', METRICS_LISTEN: metrics },
    });
    const waiting = await away.start({ isStandby: true });
    await eventually('it has tried', () => waiting.tail(200).includes('sealing interrupted'));
    assert.match(waiting.tail(200), /ECONNREFUSED/);
    assert.is(await gauge('audit_relay_leading'), 0);
    assert.is((await waiting.stop(10_000)).code, 0);
    away.remove();
    const plain = await store.createBucket({ isLocking: false });
    const unfit = relayFolder(database, { bucket: `s3://${plain}/log`, env: store.env });
    const refused: RunningProcess = await unfit.start({ isStandby: true });
    assert.is((await refused.exited).code, 1);
    assert.match(refused.tail(), /has no Object Lock with versioning/);
    unfit.remove();
  });

  test('what lies in the place of the next segment and is not it is a fork: the relay stops', async () => {
    const { events: first } = await folder.verify();
    const Key = `log/${segmentPath({ first, count: 1 })}`;
    await store.client.send(new PutObjectCommand({ Bucket: name, Key, Body: gzipSync('another event\n') }));
    await append(1);
    const relay = await folder.start({ isStandby: true });
    assert.is((await relay.exited).code, 2);
    assert.match(relay.tail(), /is in the bucket with other events than the database has for it/);
    assert.is((await store.versions(name, Key)).length, 1);
  });
}

test.run();
