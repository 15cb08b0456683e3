/** `npm start`: the whole system on this machine, until Ctrl-C. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { createGuardian } from './guardian.ts';
import { lockInstance } from './instance-lock.ts';
import { onNpmGone } from './parent-watch.ts';
import { isFree } from './ports.ts';
import { describeExit } from './processes.ts';
import { FHIR_SETTINGS, startSystem, type System } from './system.ts';

const USAGE = `npm start -- [--port N] [--data DIR] [--fresh]

  --port N     where clients come in (default 8443)
  --data DIR   where everything is kept: certificates, config, database, audit trail, logs (default .portcullis)
  --fresh      begin with nothing: deletes what is in the data folder

  DATABASE_URL, REDIS_URL, ENVOY_BIN   a PostgreSQL 15 or newer (as an owner who may make roles), a Redis or Valkey, an Envoy of your own
  ${FHIR_SETTINGS.slice(0, 4).join(', ')},
  ${FHIR_SETTINGS.slice(4).join(', ')}   go to the FHIR server (README.md)
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const fail = (text: string): never => {
  process.stderr.write(`\n${text}\n`);
  process.exit(1);
};
/** A path as a shell takes it. */
const quoted = (path: string): string => (/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const readArguments = (): { port: number; data: string; fresh: boolean } => {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8443' },
        data: { type: 'string', default: '.portcullis' },
        fresh: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) {
      say(USAGE);
      process.exit(0);
    }
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      throw new Error(`--port ${values.port} is no port: give a number from 1 to 65535`);
    return { port, data: resolve(values.data), fresh: values.fresh };
  } catch (error) {
    return fail(`${messageOf(error)}\n\n${USAGE}`);
  }
};

const startedAt = performance.now();
const { port, data, fresh } = readArguments();
mkdirSync(data, { recursive: true, mode: 0o700 });
const lock = await lockInstance(data).catch((error: unknown) => fail(messageOf(error)));
if (fresh) {
  // What the first run has downloaded is no data.
  const kept = new Set(['toolchain', 'lock.json', 'bootstrap.lock']);
  for (const name of readdirSync(data)) if (!kept.has(name)) rmSync(join(data, name), { recursive: true, force: true });
}
if (!(await isFree(port))) {
  lock.release();
  fail(`Port ${port} is in use: stop what listens there, or choose another with npm start -- --port N`);
}

const guardian = createGuardian();
let system: System | undefined;
let stopping = false;
const leave = async (code: number): Promise<never> => {
  await system?.stop();
  lock.release();
  process.exit(code);
};
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  say('\nStopping …');
  // While it is still starting, the start below notices.
  if (system !== undefined) void leave(0);
  else setTimeout(() => void leave(130), 9000).unref();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
onNpmGone(stop);
// Its terminal or pipe may be gone with npm.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

say(`Portcullis starts in ${relative(process.cwd(), data) || '.'}:`);
try {
  system = await startSystem({
    data,
    port,
    guardian,
    databaseUrl: process.env['DATABASE_URL'] || undefined,
    redisUrl: process.env['REDIS_URL'] || undefined,
    onProgress: (part) => say(`  ${part} …`),
  });
} catch (error) {
  lock.release();
  fail(messageOf(error));
}
const { state, authority, parts, died } = system!;
lock.keep([...parts.values()].map(({ pid }) => pid));
if (stopping) await leave(0);

const { cert, key } = authority.clientFiles('ehr-demo');
const curl = `curl --cacert ${quoted(authority.caFile)} --cert ${quoted(cert)} --key ${quoted(key)}`;
say(`
Ready after ${((performance.now() - startedAt) / 1000).toFixed(1)} s.

  FHIR base URL   ${state.baseUrl}
  Certificates    ${state.pki}: ca.crt, and clients/ehr-demo and clients/reader-demo with .crt and .key
  Config          ${state.configDir}: clients.yaml and quotas.yaml, live within two seconds of a change
  Audit trail     ${state.audit}: verify it with npm run audit -- verify --bucket ${quoted(`${state.audit}/bucket`)} --key ${quoted(`${state.audit}/public.key`)}
  Logs            ${join(data, 'logs')}

What the server can do, a patient, and the patient read back:

  ${curl} ${state.baseUrl}/metadata
  ${curl} -X PUT -H 'content-type: application/fhir+json' -d '{"resourceType":"Patient","id":"example","name":[{"family":"Chalmers","given":["Peter"]}],"birthDate":"1974-12-25"}' ${state.baseUrl}/Patient/example
  ${curl} ${state.baseUrl}/Patient/example

Ctrl-C stops everything.`);

const { part, exit } = await died;
if (!stopping) {
  process.stderr.write(`\n${part.name} ${describeExit(exit)}; the end of its log:\n${part.tail(20)}\n\nStopping the other parts …\n`);
  await leave(1);
}
