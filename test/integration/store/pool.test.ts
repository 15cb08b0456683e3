import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
import { createReserve } from '../../../fhir/store/reserve.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
let owner: Sql;
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  owner = createPool(database.ownerUrl, { max: 1, application: 'killer' });
});
test.after(async () => {
  await owner.end();
  await database.drop();
  await server.stop();
});

const KILL = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'victim' and datname = current_database()`;

test('every statement is answered, also those that meet a killed backend', async () => {
  const pool = createPool(database.appUrl, { max: 3, application: 'victim' });
  const outcomes = { answered: 0, refused: 0, hung: 0 };
  const ask = async (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'hung'>((resolve) => (timer = setTimeout(() => resolve('hung'), 5000)));
    const asked = pool.unsafe('select pg_sleep(0.002), $1::int as n', [1], { prepare: true }).then(
      () => 'answered' as const,
      () => 'refused' as const,
    );
    outcomes[await Promise.race([asked, late])]++;
    clearTimeout(timer);
  };
  const over = new AbortController();
  const callers = Array.from({ length: 6 }, async () => {
    while (!over.signal.aborted) await ask();
  });
  // A busy machine connects slowly: the next kill waits until something was answered again.
  for (let round = 0; round < 20; round++) {
    const { answered } = outcomes;
    while (outcomes.answered < answered + 3 && outcomes.hung === 0) await new Promise((resolve) => setTimeout(resolve, 25));
    await owner.unsafe(KILL);
  }
  over.abort();
  await Promise.all(callers);
  await ask();
  await pool.end();
  assert.is(outcomes.hung, 0, JSON.stringify(outcomes));
  assert.ok(outcomes.refused > 0 && outcomes.answered >= 60, JSON.stringify(outcomes));
});

test('no more connections are open than the pool may have', async () => {
  const pool = createPool(database.appUrl, { max: 2, application: 'counted' });
  await Promise.all(Array.from({ length: 20 }, () => pool.unsafe('select pg_sleep(0.01)')));
  const [row] = await owner.unsafe<{ n: number }[]>(`select count(*)::int as n from pg_stat_activity where application_name = 'counted'`);
  assert.is(row!.n, 2);
  await pool.end();
});

test('an answer is not kept by the connection that gave it', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const pool = createPool(database.appUrl, { max: 1, application: 'forgetful' });
  const answers: WeakRef<object>[] = [];
  for (let i = 0; i < 50; i++) answers.push(new WeakRef(await pool.unsafe('select 1')));
  await new Promise((resolve) => setTimeout(resolve, 10));
  collect();
  assert.ok(answers.filter((answer) => answer.deref() !== undefined).length < 5);
  await pool.end();
});

test('the query of postgres.js, which lives longer, holds neither rows nor parameters of a statement that was answered', async () => {
  const queries: Promise<readonly object[]>[] = [];
  const { reserve, end } = createReserve({ max: 1, statementTimeoutMs: 30_000 }, () => {
    const sql = postgres(database.appUrl, { max: 1 });
    const { unsafe } = sql;
    return Object.assign(sql, {
      unsafe: (...statement: Parameters<typeof unsafe>) => {
        const query = unsafe(...statement);
        queries.push(query);
        return query;
      },
    });
  });
  const connection = await reserve();
  const rows = await connection.unsafe<{ n: number }[]>('select n from generate_series(1, $1::int) as n', [3]);
  assert.equal([...rows], [{ n: 1 }, { n: 2 }, { n: 3 }]);
  assert.is(rows.count, 3);
  assert.is(rows.command, 'SELECT');
  await connection.unsafe('select 1 / $1::int', [0]).catch(() => undefined);
  connection.release();
  const [answered, failed] = queries;
  assert.equal([...(await answered!)], []);
  for (const query of [answered, failed]) {
    const { args, parameters } = query as unknown as Record<'args' | 'parameters', readonly unknown[]>;
    assert.equal([...args, ...parameters], []);
  }
  await end();
});

const PID = 'select pg_backend_pid() as pid, $1::int as n';
const pidsOf = (pool: Sql, times: number): Promise<number[]> =>
  Promise.all(
    Array.from({ length: times }, async (_, n) => {
      const [row] = await pool.unsafe<{ pid: number; n: number }[]>(PID, [n], { prepare: true });
      assert.is(row!.n, n);
      return row!.pid;
    }),
  );

test('short statements that come together share a connection, eight at most', async () => {
  const pool = createPool(database.appUrl, { max: 3, application: 'shared', isShared: true });
  assert.is(new Set(await pidsOf(pool, 3)).size, 3, 'what is not known has a connection to itself');
  assert.is(new Set(await pidsOf(pool, 8)).size, 1);
  assert.is(new Set(await pidsOf(pool, 9)).size, 2);
  await pool.end();
});

test('a statement that fails among others fails alone', async () => {
  const pool = createPool(database.appUrl, { max: 1, application: 'shared', isShared: true });
  const divide = (by: number): Promise<unknown> => pool.unsafe('select 6 / $1::int as n', [by], { prepare: true });
  await divide(1);
  const answers = await Promise.allSettled([divide(1), divide(0), divide(2), divide(3)]);
  assert.equal(
    answers.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
  await pool.end();
});

test('nobody waits behind a statement that takes long', async () => {
  const pool = createPool(database.appUrl, { max: 2, application: 'shared', isShared: true });
  const order: string[] = [];
  const sleep = async (): Promise<void> => {
    await pool.unsafe('select pg_sleep($1)', [0.5], { prepare: true });
    order.push('long');
  };
  await sleep();
  await pidsOf(pool, 1);
  order.length = 0;
  const long = sleep();
  await pidsOf(pool, 8);
  order.push('short');
  await long;
  assert.equal(order, ['short', 'long']);
  await pool.end();
});

test.run();
