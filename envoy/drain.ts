/**
 * The sidecar that drains Envoy: GET or POST /drain answers when Envoy may be stopped, for the preStop hook of its container. Its settings
 * are environment variables (README.md).
 *
 * A failed health check makes Envoy end each connection with its next answer (`connection: close`, GOAWAY) and makes /ready 503, while it
 * goes on to take new connections: who still has this address from an older list of endpoints is served.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEnv } from '../proto/process/env.ts';
import { hostAndPort } from '../proto/process/listen.ts';
import { createAdmin } from './admin.ts';
import { drained, type DrainLimits } from './drained.ts';
import { adminSocketOf } from './settings.ts';

const POLL_MS = 250;

const env = readEnv();
const seconds = (name: string, fallback: number): number => env.integer(name, fallback, { min: 0, max: 86_400 }) * 1000;
const limits: DrainLimits = {
  delayMs: seconds('DRAIN_DELAY_SECONDS', 5),
  idleMs: seconds('DRAIN_IDLE_SECONDS', 15),
  limitMs: seconds('DRAIN_TIME_SECONDS', 30),
};
const admin = createAdmin(adminSocketOf(env));

// Not pino: this image then needs nothing but Node and Envoy.
const log = (level: string, msg: string, fields: object = {}): void =>
  void process.stdout.write(`${JSON.stringify({ level, time: new Date().toISOString(), name: 'drain', ...fields, msg })}\n`);

let draining: Promise<object> | undefined;
const drain = async (): Promise<object> => {
  const startedAt = performance.now();
  const elapsedMs = (): number => Math.round(performance.now() - startedAt);
  try {
    await admin.post('/healthcheck/fail');
    await admin.post('/drain_listeners?graceful&skip_exit');
  } catch (error) {
    // Nothing to drain, such as an Envoy that never started: its container shall not hang for that.
    draining = undefined;
    log('error', 'envoy does not answer: nothing is drained', { reason: (error as Error).message });
    return { drained: false };
  }
  log('info', 'draining', { ...limits });
  for (let quietSince = elapsedMs(); ; await sleep(POLL_MS)) {
    const now = elapsedMs();
    // Who gives no answer is busy or gone: the limit ends it.
    const activity = await admin.activity().catch(() => ({ connections: -1, requests: -1 }));
    if (activity.requests !== 0) quietSince = now;
    const why = drained({ ...activity, elapsedMs: now, quietMs: now - quietSince }, limits);
    if (why === undefined) continue;
    const result = { drained: why !== 'limit', why, elapsedMs: now, ...activity };
    log(why === 'limit' ? 'error' : 'info', 'drained', result);
    return result;
  }
};

const server = createServer((request, response) => {
  const answer = (status: number, body: object): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  if (request.url === '/health') return answer(200, { status: 'ok' });
  if (request.url !== '/drain') return answer(404, { error: 'there are /drain and /health' });
  if (request.method !== 'GET' && request.method !== 'POST') return answer(405, { error: 'ask with GET or POST' });
  // A hook that is tried again waits for the same drain.
  draining ??= drain();
  draining.then(
    (result) => answer(200, result),
    (error: unknown) => answer(500, { error: String(error) }),
  );
});
server.requestTimeout = 0;
server.listen(hostAndPort(env.optional('DRAIN_LISTEN') ?? '0.0.0.0:9903'), () => log('info', 'ready', { address: server.address() }));

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    // Kubernetes ends a sidecar after the containers that it serves: whoever still waits here has nothing left to wait for.
    server.close(() => process.exit(0));
    server.closeAllConnections();
  });
