/** One client that holds on to what it can: the others are answered all the same. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

/** As many as Envoy takes on one connection. */
const STREAMS = 100;

interface Hog {
  /** Answers with each status so far. */
  readonly statuses: Map<number, number>;
  readonly letGo: () => void;
}

const hog = async (
  connections: number,
  { headers, windowSize }: { headers: Readonly<Record<string, string>>; windowSize: number },
): Promise<Hog> => {
  const statuses = new Map<number, number>();
  const sessions: ClientHttp2Session[] = [];
  for (let each = 0; each < connections; each++) {
    const session = connect(new URL(stack.system.state.baseUrl).origin, {
      ...stack.tls('ehr-demo'),
      settings: { initialWindowSize: windowSize },
    });
    session.on('error', () => undefined);
    for (let i = 0; i < STREAMS; i++) {
      const stream = session.request(headers, { endStream: headers[':method'] === 'GET' });
      stream.on('error', () => undefined);
      stream.on('response', ({ [constants.HTTP2_HEADER_STATUS]: status }) =>
        statuses.set(Number(status), (statuses.get(Number(status)) ?? 0) + 1),
      );
    }
    sessions.push(session);
    // All at once would be more decisions than the gateway makes in a quarter of a second.
    await sleep(300);
  }
  return { statuses, letGo: () => sessions.forEach((session) => session.destroy()) };
};

/** Searches over one connection whose answers nobody waits for. */
const hogWith = async (paths: readonly string[]): Promise<{ letGo: () => void }> => {
  const session = connect(new URL(stack.system.state.baseUrl).origin, stack.tls('ehr-demo'));
  session.on('error', () => undefined);
  await once(session, 'connect');
  for (const path of paths)
    session
      .request({ ':path': path })
      .on('error', () => undefined)
      .resume();
  return { letGo: () => session.destroy() };
};

const isAnswered = async (client: string): Promise<void> => {
  const { status, text } = await stack.request('/Patient/nobody', { client });
  assert.is(status, 404, text);
};
const memoryMb = (): number => {
  const status = readFileSync(`/proc/${stack.system.parts.get('fhir')!.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1024;
};

test('a client that begins 700 bodies and ends none leaves the others room', async () => {
  const headers = { ':method': 'POST', ':path': '/fhir/Patient', 'content-type': 'application/fhir+json' };
  const { statuses, letGo } = await hog(7, { headers, windowSize: 65_535 });
  try {
    await eventually('it is refused what is too much', () => (statuses.get(429) ?? 0) > 0, 10_000);
    for (let i = 0; i < 5; i++) await isAnswered('reader-demo');
  } finally {
    letGo();
  }
  await eventually(
    'it is answered again',
    async () => (await stack.request('/Patient/nobody', { client: 'ehr-demo' })).status === 404,
    5000,
  );
});

test('a client that takes none of 300 answers of 8 MB leaves the others room, and the server memory', async () => {
  const extension = Array.from({ length: 1000 }, (_, i) => ({ url: `http://example.org/${i}`, valueString: 'x'.repeat(900) }));
  for (let i = 0; i < 9; i++) {
    const { status } = await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'large' }, extension } });
    assert.is(status, 201);
  }
  const before = memoryMb();
  const { statuses, letGo } = await hog(3, { headers: { ':method': 'GET', ':path': '/fhir/Basic?_count=50' }, windowSize: 0 });
  try {
    await eventually('all have begun', () => [...statuses.values()].reduce((sum, each) => sum + each, 0) === 3 * STREAMS, 30_000);
    assert.equal([...statuses.keys()].sort(), [200, 429]);
    await isAnswered('reader-demo');
    const more = memoryMb() - before;
    assert.is(more < 500, true, `${more} MB more`);
  } finally {
    letGo();
  }
  await eventually(
    'it is answered again',
    async () => (await stack.request('/Patient/nobody', { client: 'ehr-demo' })).status === 404,
    5000,
  );
});

test('a client whose searches take long leaves the others connections, and itself its reads', async () => {
  const owner = postgres(stack.system.state.databaseUrl, { max: 1 });
  const table = await owner.reserve();
  try {
    // Until it is let go no search by a date comes to its end.
    await table`begin`;
    await table`lock table fhir.sp_date in access exclusive mode`;
    // Each in a form of its own: those of one form may share a connection.
    const paths = Array.from({ length: 30 }, (_, i) => `/fhir/Patient?birthdate=2020${'&given=x'.repeat(i)}`);
    const sessions = await hogWith(paths);
    try {
      await sleep(1000);
      const search = stack.request('/Patient?family=x', { client: 'reader-demo' });
      const read = stack.request('/Patient/nobody', { client: 'ehr-demo' });
      const statuses = Promise.all([search, read]).then((answers) => answers.map(({ status }) => status));
      assert.equal(await Promise.race([statuses, sleep(5000, 'too late')]), [200, 404]);
    } finally {
      sessions.letGo();
    }
  } finally {
    await table`rollback`;
    table.release();
    await owner.end();
  }
});

test.run();
