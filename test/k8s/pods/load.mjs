// A mixed load on the edge from inside of the cluster, with node's own modules alone. First line of the input: the options as JSON. Then lines:
//   phase NAME [lenient]   what is counted from now on; lenient: who finds no connection tries again, since nothing was sent
//   stop                   ends the load, prints everything as one line of JSON and exits
// Nothing is sent twice. A connection that the server closed while it was idle is replaced by a new one before the next request.
import { readFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { Agent, request } from 'node:https';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const LIMIT_MS = 15_000;
const KEPT_FAILURES = 200;

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { host, port, servername, tls, rate, http1, http2, run } = JSON.parse((await lines.next()).value);
const file = (name) => readFileSync(`${tls}/${name}`);
const trust = { ca: file('ca.crt'), cert: file('tls.crt'), key: file('tls.key'), servername };
const system = `urn:load:${run}`;

const phases = new Map();
let phase;
const enter = (name, isLenient) => {
  phase = {
    name,
    isLenient,
    startedAt: performance.now(),
    sent: 0,
    ok: 0,
    failed: 0,
    unconnected: 0,
    opened: 0,
    told: 0,
    latencies: [],
    failures: [],
  };
  phases.set(name, phase);
};
enter('warm', false);

const acknowledged = [];
const uncertain = [];
const stopping = new AbortController();

class NotConnected extends Error {}

/** One connection at a time over HTTP/1.1, kept alive; resolves to {status, body, etag}. */
const overHttp1 = () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...trust });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const mine = phase;
      let isConnected = false;
      const headers = {
        'x-load': run,
        ...(body && { 'content-type': 'application/fhir+json', 'content-length': Buffer.byteLength(body) }),
      };
      const asked = request({ host, port, method, path, agent, headers }, (response) => {
        let text = '';
        if (response.headers.connection === 'close') mine.told++;
        response.setEncoding('utf8');
        response.on('data', (chunk) => (text += chunk));
        response.on('error', reject);
        response.on('end', () => resolve({ status: response.statusCode, body: text, etag: response.headers.etag }));
      });
      asked.setTimeout(LIMIT_MS, () => asked.destroy(new Error('no answer in time')));
      asked.on('socket', (socket) => {
        if (asked.reusedSocket) return (isConnected = true);
        mine.opened++;
        socket.once('secureConnect', () => (isConnected = true));
      });
      asked.on('error', (error) => reject(isConnected ? error : new NotConnected(error.code ?? error.message)));
      asked.end(body);
    });
};

/** One HTTP/2 connection, replaced when the server says goodbye. */
const overHttp2 = () => {
  let session;
  const open = async () => {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    phase.opened++;
    const fresh = connect(`https://${host}:${port}`, trust);
    fresh.on('goaway', () => phase.told++);
    fresh.on('error', () => undefined);
    await new Promise((resolve, reject) => {
      fresh.once('connect', resolve);
      fresh.once('error', (error) => reject(new NotConnected(error.code ?? error.message)));
      fresh.once('close', () => reject(new NotConnected('closed before it was open')));
      fresh.setTimeout(LIMIT_MS, () => fresh.destroy());
    });
    return (session = fresh);
  };
  return async (method, path, body) => {
    const current = await open();
    return new Promise((resolve, reject) => {
      const stream = current.request({
        ':method': method,
        ':path': path,
        ':authority': servername,
        'x-load': run,
        ...(body && { 'content-type': 'application/fhir+json' }),
      });
      let status = 0;
      let etag;
      let text = '';
      stream.setEncoding('utf8');
      stream.setTimeout(LIMIT_MS, () => stream.close());
      stream.on('response', (headers) => ((status = headers[':status']), (etag = headers.etag)));
      stream.on('data', (chunk) => (text += chunk));
      stream.on('error', reject);
      stream.on('close', () =>
        status === 0 || stream.rstCode !== 0
          ? reject(new Error(`stream ended with ${stream.rstCode}`))
          : resolve({ status, body: text, etag }),
      );
      stream.end(body);
    });
  };
};

const patient = (value, n) =>
  JSON.stringify({
    resourceType: 'Patient',
    identifier: [{ system, value }],
    name: [{ family: 'Load', given: [`v${n}`] }],
    birthDate: '1970-01-01',
  });

const versionOf = (etag) => Number(/"(\d+)"/.exec(etag ?? '')?.[1]);

/** What a worker does next with the patients that it alone writes. */
const plan = (mine, worker, count) => {
  const dice = Math.random();
  const some = mine[Math.floor(Math.random() * mine.length)];
  if (some === undefined || dice < 0.2) {
    const value = `${worker}-${count}`;
    return {
      what: 'create',
      line: ['POST', '/fhir/Patient', patient(value, 1)],
      isRight: ({ status, etag }) => status === 201 && versionOf(etag) === 1,
      done: ({ body }) => {
        const { id } = JSON.parse(body);
        mine.push({ id, value, version: 1 });
        acknowledged.push([id, 1]);
      },
      lost: () => uncertain.push(['create', value]),
    };
  }
  if (dice < 0.4)
    return {
      what: 'update',
      line: ['PUT', `/fhir/Patient/${some.id}`, patient(some.value, some.version + 1).replace('{', `{"id":"${some.id}",`)],
      isRight: ({ status, etag }) =>
        status === 200 && (some.isUncertain ? versionOf(etag) > some.version : versionOf(etag) === some.version + 1),
      done: ({ etag }) => {
        some.version = versionOf(etag);
        some.isUncertain = false;
        acknowledged.push([some.id, some.version]);
      },
      lost: () => {
        some.isUncertain = true;
        uncertain.push(['update', some.id]);
      },
    };
  if (dice < 0.6)
    return {
      what: 'search',
      line: ['GET', `/fhir/Patient?identifier=${encodeURIComponent(`${system}|${some.value}`)}`],
      isRight: ({ status, body }) => status === 200 && body.includes(`"${some.id}"`),
    };
  return {
    what: 'read',
    line: ['GET', `/fhir/Patient/${some.id}`],
    isRight: ({ status, etag }) => status === 200 && (some.isUncertain || versionOf(etag) === some.version),
  };
};

const attempt = async (send, line, mine) => {
  for (const end = performance.now() + 5000; ; await sleep(100)) {
    try {
      return await send(...line);
    } catch (error) {
      if (!(error instanceof NotConnected)) throw error;
      mine.unconnected++;
      if (!mine.isLenient || performance.now() > end) throw error;
    }
  }
};

const work = async (worker, send, everyMs) => {
  const patients = [];
  await sleep(Math.random() * everyMs);
  for (let count = 0, next = performance.now(); !stopping.signal.aborted; count++) {
    const mine = phase;
    const { what, line, isRight, done, lost } = plan(patients, worker, count);
    const startedAt = performance.now();
    mine.sent++;
    try {
      const answer = await attempt(send, line, mine);
      if (!isRight(answer))
        throw new Error(`answered ${answer.status} ${answer.etag ?? ''} ${answer.status >= 400 ? answer.body.slice(0, 200) : ''}`);
      done?.(answer);
      mine.ok++;
      mine.latencies.push(performance.now() - startedAt);
    } catch (error) {
      lost?.();
      mine.failed++;
      if (mine.failures.length < KEPT_FAILURES)
        mine.failures.push({
          what,
          worker,
          at: new Date().toISOString(),
          startedMs: Math.round(startedAt - mine.startedAt),
          tookMs: Math.round(performance.now() - startedAt),
          error: `${error.code ?? error.message}`.slice(0, 250),
        });
    }
    next = Math.max(next + everyMs, performance.now() - everyMs);
    await sleep(Math.max(0, next - performance.now()));
  }
};

const everyMs = (1000 * (http1 + http2)) / rate;
const workers = [
  ...Array.from({ length: http1 }, (_, i) => work(`a${i}`, overHttp1(), everyMs)),
  ...Array.from({ length: http2 }, (_, i) => work(`b${i}`, overHttp2(), everyMs)),
];

for await (const line of lines) {
  const [command, name, lenient] = line.trim().split(' ');
  const now = performance.now();
  if (command === 'phase' || command === 'stop') phase.seconds = (now - phase.startedAt) / 1000;
  const left = `${phase.name}: ${phase.sent} sent, ${phase.failed} failed`;
  if (command === 'phase') enter(name, lenient === 'lenient');
  if (command === 'stop') break;
  if (command === 'phase') console.log(JSON.stringify({ left }));
}
stopping.abort();
phase.seconds ??= (performance.now() - phase.startedAt) / 1000;
await Promise.race([Promise.all(workers), sleep(LIMIT_MS + 5000)]);

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
const summary = [...phases.values()].map(({ latencies, failures, ...counts }) => {
  const sorted = latencies.sort((a, b) => a - b);
  return { ...counts, failures, p50Ms: at(sorted, 0.5), p99Ms: at(sorted, 0.99), maxMs: sorted.at(-1) ?? 0 };
});
process.stdout.write(`${JSON.stringify({ phases: summary, acknowledged, uncertain })}\n`, () => process.exit(0));
