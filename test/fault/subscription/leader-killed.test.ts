import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { createReceiver, type Receiver } from '../../support/receiver.ts';
import { eventually } from '../../support/stack.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let receiver: Receiver;
const processes: FhirProcess[] = [];
test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  const [port] = await freePorts(1);
  receiver = await createReceiver(port!);
  const hook = `http://127.0.0.1:${port}/hook`;
  const start = async (): Promise<void> => void processes.push(await startFhir(database.appUrl, { SUBSCRIPTION_ENDPOINTS: hook }));
  // The first leads when the others come.
  await start();
  const { status, json, text } = await processes[0]!.request('/Subscription', {
    body: {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'test',
      criteria: 'Basic',
      channel: { type: 'rest-hook', endpoint: hook, payload: 'application/fhir+json' },
    },
  });
  assert.is(status, 201, text);
  await eventually('active', async () => (await processes[0]!.request(`/Subscription/${json.id}`)).json.status === 'active');
  await start();
  await start();
});
test.after(async () => {
  await Promise.all(processes.map(({ stop }) => stop()));
  await receiver.down();
  await database.drop();
  await cluster.stop();
});

test('kill -9 of whoever tells leaves another one telling: every version, those of a resource in order', async () => {
  const last = processes.at(-1)!;
  const written = new Map<string, number>();
  const done = new AbortController();
  const writer = async (id: string): Promise<void> => {
    for (let version = 1; !done.signal.aborted; version++) {
      const body = { resourceType: 'Basic', id, code: { text: String(version) } };
      const { status, text } = await last.request(`/Basic/${id}`, { method: 'PUT', body });
      assert.ok(status < 300, text);
      written.set(id, version);
      // No loop: 60 in a minute would be taken for one.
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
  };
  const told = (): string[] => receiver.received.map(({ url, body }) => `${url} ${JSON.parse(body).meta.versionId}`);
  const writers = Promise.all(['a', 'b', 'c', 'd'].map(writer));
  try {
    for (const process of processes.slice(0, -1)) {
      const before = receiver.received.length;
      await eventually('some are told', () => receiver.received.length > before + 10);
      await process.kill();
    }
    const before = receiver.received.length;
    await eventually('the last one tells', () => receiver.received.length > before + 10);
  } finally {
    done.abort();
    await writers;
  }
  const wanted = [...written].flatMap(([id, versions]) => Array.from({ length: versions }, (_, i) => `/hook/Basic/${id} ${i + 1}`));
  await eventually('all are told', () => new Set(told()).size === wanted.length);
  assert.equal(new Set(told()), new Set(wanted));
  const again = told().length - wanted.length;
  assert.ok(again <= 2, `${again} were told again: only what was on its way when one was killed may be`);
  for (const id of written.keys()) {
    const versions = told().flatMap((each) => (each.startsWith(`/hook/Basic/${id} `) ? [Number(each.split(' ')[1])] : []));
    assert.equal(
      versions,
      versions.toSorted((x, y) => x - y),
      id,
    );
  }
});

test.run();
