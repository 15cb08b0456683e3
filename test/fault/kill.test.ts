import postgres from 'postgres';
import { test } from 'uvu';
import { type Stack, startStack } from '../support/stack.ts';
import { requireExactlyOneEventEach, requireSealed, underLoad } from '../support/write-load.ts';

let stack: Stack;
let sql: postgres.Sql;
test.before(async () => {
  stack = await startStack();
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

const create = (body: object): ReturnType<Stack['request']> => stack.request('/Basic', { body });

for (const name of ['fhir', 'gateway', 'envoy', 'relay'] as const) {
  test(`kill -9 of ${name} under load loses no acknowledged write and no event`, async () => {
    const acknowledged = await underLoad(create, async () => {
      stack.system.parts.get(name)!.kill('SIGKILL');
      await stack.system.restart(name);
    });
    await requireExactlyOneEventEach(sql, acknowledged);
  });
}

test('killing database sessions under load loses no acknowledged write and no event', async () => {
  const acknowledged = await underLoad(create, async () => {
    for (let i = 0; i < 5; i++) {
      await new Promise((resolve) => setTimeout(resolve, 150));
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'fhir%' and datname = current_database()`;
    }
  });
  await requireExactlyOneEventEach(sql, acknowledged);
});

test('everything that happened is sealed once, in order, and the log verifies', () => requireSealed(sql, stack.system.state.audit));

test.run();
