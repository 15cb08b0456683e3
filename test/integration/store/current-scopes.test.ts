import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createPool } from '../../../fhir/store/pool.ts';
import { nextDelivery } from '../../../fhir/subscription/subscription-table.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let sql: postgres.Sql;

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  sql = postgres(database.ownerUrl, { max: 1 });
});
test.after(async () => {
  await sql.end();
  await database.drop();
  await cluster.stop();
});

const GIVEN = '[["Patient",31]]';
const TOLD = '[["Patient",1]]';

/** Times in seconds from now. */
const scopesWith = async ({ told, until, given }: { told: number; until: number | undefined; given: number }): Promise<string> => {
  const at = (seconds: number): Date => new Date(Date.now() + seconds * 1000);
  await sql`delete from fhir.client_standing`;
  await sql`insert into fhir.client_standing (client, scopes, until, told) values ('', '[]', 'infinity', ${at(told)})`;
  if (until !== undefined)
    await sql`insert into fhir.client_standing (client, scopes, until, told) values ('app', ${TOLD}, ${at(until)}, ${at(told)})`;
  const [row] = await sql`select fhir.current_scopes('app', ${GIVEN}, ${at(given)}) as scopes`;
  return row!['scopes'] as string;
};

test('what counts is the newer of what the request said and of what the gateway told, until the end of the client', async () => {
  assert.is(await scopesWith({ told: -10, until: 60, given: -20 }), TOLD);
  assert.is(await scopesWith({ told: -20, until: 60, given: -10 }), GIVEN);
  assert.is(await scopesWith({ told: -20, until: undefined, given: -10 }), GIVEN);
  assert.is(await scopesWith({ told: -10, until: undefined, given: -20 }), '[]');
});

test('a client whose time is over may do nothing, whether the gateway has told anything since its request or not', async () => {
  assert.is(await scopesWith({ told: -10, until: -5, given: -20 }), '[]');
  assert.is(await scopesWith({ told: -30, until: -5, given: -20 }), '[]');
});

test('a request that was let in after that time had a newer registry behind it', async () => {
  assert.is(await scopesWith({ told: -30, until: -20, given: -10 }), GIVEN);
});

test('a delivery is given out only as long as Subscription and scopes are those that were read', async () => {
  const pool = createPool(database.appUrl, { max: 1, application: 'test' });
  try {
    await sql`delete from fhir.client_standing`;
    await sql`insert into fhir.resource (rid, type, id, version, updated, body) values (7, 1, 's', 3, now(), '{}')`;
    await sql`insert into fhir.subscription (rid, client, scopes) values (7, 'app', ${GIVEN})`;
    await sql`insert into fhir.subscription_delivery (subscription, xid, seq, type, id, version) values (7, '1', 1, 1, 'x', 1)`;
    const read = { rid: 7, version: 3, scopes: GIVEN };
    assert.is((await nextDelivery(pool, read))?.id, 'x');
    assert.is(await nextDelivery(pool, { ...read, version: 2 }), undefined);
    await sql`insert into fhir.client_standing (client, scopes, until) values ('', '[]', 'infinity')`;
    assert.is(await nextDelivery(pool, read), undefined);
    assert.is((await nextDelivery(pool, { ...read, scopes: '[]' }))?.id, 'x');
  } finally {
    await pool.end();
  }
});

test.run();
