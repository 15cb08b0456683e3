import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPool, type Sql } from '../../../fhir/store/pool.ts';
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

test.run();
