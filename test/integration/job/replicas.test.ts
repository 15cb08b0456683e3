import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Call, Reply } from '../../../fhir/http/call.ts';
import { noIdentity } from '../../../fhir/http/identity.ts';
import { parsePrefer } from '../../../fhir/http/negotiation.ts';
import { interact } from '../../../fhir/interaction/interaction.ts';
import { startBackground } from '../../../fhir/job/background.ts';
import { folderFiles } from '../../../fhir/job/folder-files.ts';
import { openServer } from '../../../fhir/open-server.ts';
import type { Server } from '../../../fhir/server.ts';
import { freePorts } from '../../../local/ports.ts';
import { classify } from '../../../proto/access/interaction.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { createReceiver, type Receiver } from '../../support/receiver.ts';
import { eventually } from '../../support/stack.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let receiver: Receiver;
let hook: string;
let sql: postgres.Sql;
const folder = mkdtempSync(join(tmpdir(), 'replicas-'));
const replicas: { server: Server; close: (patienceMs?: number) => Promise<void> }[] = [];

/** One server of several on a database, with its work in the background. */
const startReplica = async (): Promise<void> => {
  const isAllowed = (endpoint: string): boolean => endpoint === hook;
  const { server, close } = await openServer({
    databaseUrl: database.appUrl,
    pool: 4,
    baseUrl: 'https://localhost/fhir',
    jobs: { exportBucket: folderFiles(folder), importBucket: undefined },
    isEndpoint: isAllowed,
  });
  const faults: unknown[] = [];
  const background = startBackground({
    server,
    databaseUrl: database.appUrl,
    subscriptions: { isAllowed, maxAttempts: 3 },
    keepMs: 60_000,
    leaseMs: 5000,
    onFault: ({ error }) => faults.push(error),
  });
  replicas.push({
    server,
    close: async (patienceMs = 5000) => {
      await background.close(patienceMs);
      await close();
      assert.equal(faults, []);
    },
  });
};

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  const [port] = await freePorts(1);
  receiver = await createReceiver(port!);
  hook = `http://127.0.0.1:${port}`;
  sql = postgres(database.ownerUrl, { max: 1 });
  await startReplica();
  await startReplica();
});
test.after(async () => {
  for (const { close } of replicas) await close();
  await sql.end();
  await receiver.down();
  await database.drop();
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

const told = (): string[] => receiver.received.map(({ body }) => (JSON.parse(body) as { code: { text: string } }).code.text);

const ask = (replica: number, method: string, path: string, body?: object): Promise<Reply> => {
  const call: Call = {
    target: classify(method, path)!,
    identity: noIdentity()(() => undefined),
    requestId: randomUUID(),
    header: () => undefined,
    prefer: parsePrefer(undefined),
    isPost: method === 'POST',
    query: '',
    text: () => Promise.resolve(body === undefined ? '' : JSON.stringify(body)),
  };
  return interact(replicas[replica]!.server, call);
};

test('several replicas tell each version, in order, and another goes on where the leading one ends', async () => {
  const { body } = await ask(0, 'POST', '/Subscription', {
    resourceType: 'Subscription',
    status: 'requested',
    reason: 'test',
    criteria: 'Basic',
    channel: { type: 'rest-hook', endpoint: hook, payload: 'application/fhir+json' },
  });
  const { id } = JSON.parse(body!) as { id: string };
  const status = async (): Promise<string> => (JSON.parse((await ask(1, 'GET', `/Subscription/${id}`)).body!) as { status: string }).status;
  await eventually('active', async () => (await status()) === 'active');
  const write = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await ask(i % replicas.length, 'POST', '/Basic', { resourceType: 'Basic', code: { text: String(i) } });
  };
  await write(0, 40);
  await eventually('all are told', () => receiver.received.length >= 40);
  // What is on its way when the leading one ends is finished first.
  receiver.delayMs = 700;
  await write(40, 41);
  await eventually('one is on its way', () => receiver.received.length === 41);
  await replicas.shift()!.close();
  receiver.delayMs = 0;
  await write(41, 60);
  await eventually('those too', () => receiver.received.length >= 60);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  assert.equal(
    told(),
    Array.from({ length: 60 }, (_, i) => String(i)),
    'each once, in the order in which they were written',
  );
});

test('a notification that takes longer than a leading replica may wait comes again from the next one', async () => {
  await startReplica();
  receiver.received.length = 0;
  receiver.delayMs = 5000;
  await ask(0, 'POST', '/Basic', { resourceType: 'Basic', code: { text: 'slow' } });
  await eventually('it is on its way', () => receiver.received.length === 1);
  const startedAt = performance.now();
  await replicas.shift()!.close(300);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs < 3000, `${tookMs} ms`);
  receiver.delayMs = 0;
  await eventually('it is told again', () => receiver.received.length === 2);
  assert.equal(told(), ['slow', 'slow']);
});

test('several replicas do each job once', async () => {
  await startReplica();
  await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i % 2, 'GET', '/$export')));
  await eventually('all are done', async () => {
    const [row] = await sql`select count(*)::int as n from fhir.job where status = 'done'`;
    return row!['n'] === 8;
  });
  const rows =
    await sql`select body::jsonb->'job'->>'id' as job, count(*)::int as n from audit.event where body::jsonb->>'reason' = 'export done' group by 1`;
  assert.equal(
    rows.map(({ n }) => n as number),
    Array.from({ length: 8 }, () => 1),
  );
});

test.run();
