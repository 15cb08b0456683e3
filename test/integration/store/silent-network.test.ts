import { performance } from 'node:perf_hooks';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inTransaction } from '../../../fhir/audit/verified-commit.ts';
import { asFhirError } from '../../../fhir/store/errors.ts';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.ts';

let server: TestPostgres;
let database: TestDatabase;
let proxy: TcpProxy;
let pool: Sql;
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  const url = new URL(database.appUrl);
  url.searchParams.delete('host');
  proxy = await startProxy({ host: '127.0.0.1', port: Number(url.port) });
  url.port = String(proxy.port);
  pool = createPool(url.href, { max: 1, application: 'silent', statementTimeoutMs: 1000 });
});
test.after(async () => {
  await pool.end({ timeout: 0 });
  await proxy.cut();
  await database.drop();
  await server.stop();
});

const backend = async (): Promise<number> => {
  const [row] = await pool.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid');
  return row!.pid;
};

/** Expects that `work` is refused as a database that doesn't answer, before the time is over that a client has. */
const refusedInTime = async (work: Promise<unknown>): Promise<void> => {
  const startedAt = performance.now();
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  const refusal = asFhirError(error);
  assert.is(refusal?.status, 503, String(error));
  assert.is(refusal?.headers['retry-after'], '1');
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs > 4000 && tookMs < 12_000, `${tookMs} ms`);
};

test('a statement whose network goes silent is refused with 503, and the next one has another connection', async () => {
  const before = await backend();
  proxy.stall();
  await refusedInTime(pool.unsafe('select 1'));
  proxy.resume();
  assert.is.not(await backend(), before);
});

test('a transaction whose network goes silent is refused too, and its connection is not used again', async () => {
  const pids: number[] = [];
  await refusedInTime(
    inTransaction(pool, async (db) => {
      const [row] = await db.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid');
      pids.push(row!.pid);
      proxy.stall();
      await Promise.all([db.unsafe('select 1'), db.unsafe('select 2')]);
    }),
  );
  proxy.resume();
  await inTransaction(pool, async (db) => {
    const [row] = await db.unsafe<{ pid: number }[]>('select pg_backend_pid() as pid');
    pids.push(row!.pid);
  });
  assert.is.not(pids[0], pids[1]);
});

test('a transaction that takes longer than one statement may is left alone, as long as the server answers', async () => {
  await inTransaction(pool, async (db) => {
    for (let i = 0; i < 16; i++) await db.unsafe('select pg_sleep(0.5)');
  });
});

test.run();
