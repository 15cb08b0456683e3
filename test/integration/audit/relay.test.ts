import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutbox } from '../../../fhir/audit/outbox.ts';
import { inTransaction } from '../../../fhir/audit/verified-commit.ts';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { anEvent, aWrite } from '../../support/audit-events.ts';
import { eventually } from '../../support/stack.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { type RelayFolder, relayFolder } from '../../support/relay.ts';

const EVENTS = 9000;

let server: TestPostgres;
let database: TestDatabase;
let app: Sql;
let owner: Sql;
let folder: RelayFolder;

test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  app = createPool(database.appUrl, { max: 8, application: 'test' });
  owner = createPool(database.ownerUrl, { max: 1, application: 'test' });
  folder = relayFolder(database);
});

test.after(async () => {
  await Promise.all([app.end(), owner.end()]);
  folder.remove();
  await database.drop();
  await server.stop();
});

/** What the command prints and its exit code. */
const audit = (command: string, bucket: string, ...args: string[]): { code: number; out: string } => {
  const options = ['--key', join(folder.dir, 'public.key'), ...(command === 'check' ? [] : ['--bucket', bucket])];
  try {
    const out = execFileSync(process.execPath, ['fhir/audit/cli.ts', command, ...args, ...options], {
      cwd: PROJECT,
      encoding: 'utf8',
      stdio: 'pipe',
    });
    return { code: 0, out };
  } catch (error) {
    const { status, stdout, stderr } = error as { status: number; stdout: string; stderr: string };
    return { code: status, out: stdout + stderr };
  }
};

test('seals every event of concurrent writers once and in order, and what an early transaction writes late', async () => {
  const relay = await folder.start();
  const outbox = createOutbox(app);
  const slow = inTransaction(app, async (db) => {
    await db.unsafe('insert into audit.event (body) values ($1)', [anEvent({ client: 'slow' })]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await db.unsafe('insert into audit.event (body) values ($1)', [aWrite('Basic/slow', 1)]);
  });
  const writer = async (n: number): Promise<void> => {
    for (let i = 1; i <= EVENTS / 40; i++) await outbox.append(i % 10 === 0 ? aWrite(`Basic/${n}`, i / 10) : anEvent({ count: n }));
  };
  await Promise.all([slow, ...Array.from({ length: 40 }, (_, n) => writer(n))]);
  await app.unsafe('insert into audit.event (body) values ($1)', ['forged\n{"index":0}']);
  await outbox.close();
  // Told to stop, it seals what is left.
  assert.is((await relay.stop(10_000)).code, 0);
  const found = await folder.verify();
  assert.equal(found.problems, []);
  assert.is(found.events, EVENTS + 3);
  assert.is(found.resources, 41);
  const lines = globSync(join(folder.bucket, 'seg/*.gz'))
    .sort()
    .flatMap((file) => gunzipSync(readFileSync(file)).toString().trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as { seq: number; event?: unknown; text?: string });
  const stored = await owner.unsafe<{ seq: number; body: string }[]>('select seq, body from audit.event order by xid, seq');
  assert.equal(
    lines.map(({ seq, event, text }) => [seq, text ?? JSON.stringify(event)]),
    stored.map(({ seq, body }) => [seq, body]),
  );
});

test('signs again and again while nothing happens', async () => {
  const before = await folder.verify();
  const relay = await folder.start();
  await new Promise((resolve) => setTimeout(resolve, 1200));
  await relay.stop();
  const after = await folder.verify();
  assert.ok(after.checkpoints >= before.checkpoints + 2, `${after.checkpoints - before.checkpoints} heartbeats`);
  assert.is(after.events, before.events);
  assert.equal(after.problems, []);
});

test('of two relays one seals, and the other goes on when it is killed', async () => {
  const first = await folder.start();
  const second = await folder.start({ isStandby: true });
  await app.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
  first.kill('SIGKILL');
  await first.exited;
  await app.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
  const end = Date.now() + 10_000;
  while ((await folder.verify()).events < EVENTS + 5 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  await second.stop();
  assert.equal((await folder.verify()).problems, []);
  assert.is((await folder.verify()).events, EVENTS + 5);
});

test('a transaction that stays open holds events back and is named', async () => {
  const relay = createPool(database.relayUrl, { max: 1, application: 'test' });
  await inTransaction(app, async (db) => {
    await db.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
    const [mine] = await db.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid');
    const [row] = await relay.unsafe<{ blocking_pid: number; age_ms: number }[]>('select * from audit.horizon()');
    assert.is(row!.blocking_pid, mine!.pid);
    assert.ok(row!.age_ms > 0);
  });
  await relay.end();
  const sealing = await folder.start();
  await sealing.stop();
});

test('verify holds, and its output says what was verified', () => {
  const { code, out } = audit('verify', folder.bucket);
  assert.is(code, 0, out);
  assert.match(out, /^VERIFIED up to/m);
  assert.ok(existsSync(`${folder.bucket}.verified`));
});

/** A copy of the bucket on which damage is tried. */
const damaged = (damage: (dir: string) => void): { code: number; out: string } => {
  const copy = join(folder.dir, 'copy');
  cpSync(folder.bucket, copy, { recursive: true });
  try {
    damage(copy);
    return audit('verify', copy, '--no-memory');
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
};

const files = (dir: string, pattern: string): string[] => globSync(join(dir, pattern)).sort();
const write = (file: string, bytes: Buffer): void => {
  rmSync(file);
  writeFileSync(file, bytes);
};

test('verify finds one changed byte in every kind of file', () => {
  for (const pattern of ['seg/*.gz', 'tile/0/*', 'tile/0/*.p/*', 'tile/1/*.p/*', 'history/*', 'checkpoint']) {
    const { code, out } = damaged((dir) => {
      const named = files(dir, pattern).filter((file) => !file.endsWith('.p'));
      assert.ok(named.length > 0, pattern);
      const file = named[Math.floor(named.length / 2)]!;
      const bytes = readFileSync(file);
      bytes[Math.floor(bytes.length / 2)]! ^= 1;
      write(file, bytes);
    });
    assert.is(code, 1, `${pattern}\n${out}`);
    assert.match(out, /NOT VERIFIED/);
  }
});

test('verify names the event that was changed, though its file is packed properly again', () => {
  for (const at of [0, -1]) {
    const { code, out } = damaged((dir) => {
      const file = files(dir, 'seg/*.gz').at(at)!; // the last events are in a tile that isn't full
      write(file, gzipSync(gunzipSync(readFileSync(file)).toString().replace('ehr-demo', 'ehr-dema')));
    });
    assert.is(code, 1);
    assert.match(out, /PROBLEM {2}event \d+ does not have the hash/);
    assert.match(out, /are not those that were signed at/);
  }
});

test('verify finds a missing segment, and says which events it held', () => {
  const { code, out } = damaged((dir) => rmSync(files(dir, 'seg/*.gz')[1]!));
  assert.is(code, 1);
  assert.match(out, /a segment is missing: events \d+ to \d+/);
});

test('verify finds a cut tail, and names a removed tile', () => {
  const cut = damaged((dir) => rmSync(files(dir, 'seg/*.gz').at(-1)!));
  assert.is(cut.code, 1);
  assert.match(cut.out, /the log was cut: the events \d+ to \d+/);
  const tile = damaged((dir) => rmSync(files(dir, 'tile/0/001')[0]!));
  assert.is(tile.code, 1);
  assert.match(tile.out, /tile\/0\/001 is missing/);
});

/** Goes back to an earlier checkpoint as if nothing had come after it, signatures included. */
const cutWhole = (dir: string): void => {
  const segments = files(dir, 'seg/*.gz');
  const size = Number(/(\d{12})-\d+\.ndjson/.exec(segments.at(-1)!)![1]);
  rmSync(segments.at(-1)!);
  for (const file of files(dir, 'history/*')) if (Number(/(\d{12})-[^/]*$/.exec(file)![1]) > size) rmSync(file);
  write(join(dir, 'checkpoint'), readFileSync(files(dir, 'history/*').at(-1)!));
};

test('a tail cut with all its signatures is found by a checkpoint kept elsewhere, by a size, by age, and by the next verify', () => {
  const kept = join(folder.dir, 'kept.checkpoint');
  cpSync(join(folder.bucket, 'checkpoint'), kept);
  const copy = join(folder.dir, 'cut');
  cpSync(folder.bucket, copy, { recursive: true });
  assert.is(audit('verify', copy).code, 0);
  cutWhole(copy);
  assert.is(audit('verify', copy, '--no-memory').code, 0, 'alone, the bucket can not tell');
  for (const args of [['--at-least', kept], ['--expect-size', String(EVENTS + 6)], ['--max-age', '0'], []]) {
    const { code, out } = audit('verify', copy, ...(args.length > 0 ? ['--no-memory', ...args] : []));
    assert.is(code, 1, `${args.join(' ')}\n${out}`);
  }
});

test('a relay does not go on from a bucket that lacks what the database knows to be sealed', async () => {
  const copy = join(folder.dir, 'whole');
  cpSync(folder.bucket, copy, { recursive: true });
  cutWhole(folder.bucket);
  const relay = await folder.start({ isStandby: true });
  assert.is((await relay.exited).code, 2);
  assert.match(relay.tail(), /the bucket has signed \d+ events and the database knows of \d+/);
  rmSync(folder.bucket, { recursive: true });
  cpSync(copy, folder.bucket, { recursive: true });
});

// A transaction of another test on this server may hold the horizon back, also while the relay stops.
const sealUpTo = async (events: number): Promise<void> => {
  const relay = await folder.start();
  try {
    await eventually('sealed', async () => (await folder.verify()).events === events);
  } finally {
    await relay.stop();
  }
};

test('an event is proven by a file and the key alone, and a changed proof is refused', () => {
  const file = join(folder.dir, 'event.proof');
  const id = (
    JSON.parse(
      gunzipSync(readFileSync(files(folder.bucket, 'seg/*.gz')[1]!))
        .toString()
        .split('\n')[3]!,
    ) as { event: { id: string } }
  ).event.id;
  for (const wanted of ['0', '255', '256', String(EVENTS), id]) {
    assert.is(audit('prove', folder.bucket, wanted, '--out', file).code, 0, wanted);
    assert.match(audit('check', '', file).out, /PROVEN: this is event \d+ of the log/);
  }
  assert.match(audit('check', '', file).out, new RegExp(id));
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text.replace(/^index (\d+)$/m, (_, index: string) => `index ${Number(index) + 1}`),
  );
  assert.is(audit('check', '', file).code, 1);
  assert.is(audit('check', '', `${file}.not-there`).code, 2, 'it could not be found out');
  assert.is(audit('prove', folder.bucket, '123456789').code, 2);
});

test('the disclosures of a patient are those events that concern it, in the time asked for', async () => {
  for (const [at, patient] of [
    ['2026-01-01T10:00:00.000Z', 'Patient/p1'],
    ['2026-01-02T10:00:00.000Z', 'Patient/p1'],
    ['2026-01-02T11:00:00.000Z', 'Patient/p11'],
  ] as const) {
    await app.unsafe('insert into audit.event (body) values ($1)', [anEvent({ at, resource: 'Observation/9', patients: [patient] })]);
  }
  const patientCount = 6500;
  await app.unsafe('insert into audit.event (body) values ($1)', [
    anEvent({ resource: 'Group/g', patients: ['Patient/p2'], patientCount }),
  ]);
  const exported = { at: '2026-01-02T11:30:00.000Z', kind: 'operation', resource: 'Group/g', client: 'exporter' } as const;
  for (const fields of [
    { interaction: 'operation', patients: ['Patient/p1', 'Patient/p2'], job: { id: 'j', file: 'Patient-0001.ndjson' } },
    { interaction: 'job-file', job: { id: 'j', file: 'Patient-0001.ndjson' } },
    { interaction: 'job-file', job: { id: 'j', file: 'Group-0001.ndjson' } },
  ])
    await app.unsafe('insert into audit.event (body) values ($1)', [anEvent({ ...exported, ...fields })]);
  const asked = { at: '2026-01-02T12:00:00.000Z', kind: 'deny', status: 403, outcome: 4 } as const;
  for (const fields of [
    { interaction: 'operation', resource: 'Patient/p1', address: 'Patient/p1/$everything' },
    { interaction: 'search-compartment', resource: 'List/h', address: 'Patient/p1/Observation', query: 'code=*' },
    { interaction: 'search-compartment', resource: 'List/h', address: 'Patient/p11/Observation' },
  ])
    await app.unsafe('insert into audit.event (body) values ($1)', [anEvent({ ...asked, ...fields })]);
  await sealUpTo(EVENTS + 16);
  const { code, out } = audit('disclosures', folder.bucket, '--patient', 'Patient/p1', '--from', '2026-01-02');
  assert.is(code, 0, out);
  assert.match(out, /^2026-01-02T10:00:00\.000Z\tehr-demo\tread\tObservation\/9\t200\t/m);
  assert.match(out, /^2026-01-02T12:00:00\.000Z\tehr-demo\toperation\tPatient\/p1\/\$everything\t403\t/m);
  assert.match(out, /^2026-01-02T12:00:00\.000Z\tehr-demo\tsearch-compartment\tPatient\/p1\/Observation\?code=\*\t403\t/m);
  assert.match(
    out,
    /^2026-01-02T11:30:00\.000Z\texporter\tjob-file\tGroup\/g\/Patient-0001\.ndjson\t200\t/m,
    'who fetched what an export wrote of it',
  );
  assert.match(out, /^5 events concern Patient\/p1\.$/m);
  assert.match(out, /^1 further events are about more patients than an event names/m);
  const until = (day: string): string =>
    audit('disclosures', folder.bucket, '--patient', 'Patient/p1', '--from', '2026-01-01', '--to', day).out;
  assert.match(until('2026-01-02'), /^6 events concern Patient\/p1\.$/m, 'the last day is looked at, too');
  assert.not.match(until('2026-01-02'), /further events/, 'what lies outside of that time is not spoken of');
  assert.match(until('2026-01-02T12:00:00Z'), /^4 events concern Patient\/p1\.$/m);
  for (const day of ['12/11/2026', '2026-1-2', 'March 7']) assert.match(until(day), /^disclosures: --to .* is no date: give 2026-01-31/m);
});

test('a clock that is set back holds no event up', async () => {
  const another = await server.createDatabase();
  const writer = createPool(another.ownerUrl, { max: 1, application: 'test' });
  const own = relayFolder(another);
  const setBack = encodeURIComponent('const now = Date.now; let back = 0; Date.now = () => now() - (back += 60_000);');
  const relay = await own.start({ env: { NODE_OPTIONS: `--import=data:text/javascript,${setBack}` } });
  try {
    await writer.unsafe('insert into audit.event (body) values ($1)', [anEvent()]);
    await eventually('sealed', async () => (await own.verify()).events === 1, 5000);
    assert.equal((await own.verify()).problems, []);
  } finally {
    await relay.stop();
    await writer.end();
    own.remove();
    await another.drop();
  }
});

test.run();
