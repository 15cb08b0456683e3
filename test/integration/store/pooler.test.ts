/** What a pooler that hands out connections by transaction takes away: prepared statements, and settings of the session. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { inTransaction } from '../../../fhir/audit/verified-commit.ts';
import { openServer } from '../../../fhir/open-server.ts';
import { createPool } from '../../../fhir/store/pool.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let server: TestPostgres;
let database: TestDatabase;
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
});
test.after(async () => {
  await database.drop();
  await server.stop();
});

test('with prepare off no statement stays prepared, and DISCARD ALL between transactions is not noticed', async () => {
  const sql = createPool(database.appUrl, { max: 1, application: 'test', prepare: false });
  try {
    for (let i = 0; i < 3; i++) {
      await sql.unsafe('select $1::int', [i], { prepare: true });
      const [row] = await sql.unsafe<{ n: number }[]>('select count(*)::int as n from pg_prepared_statements where name <> $1', ['']);
      assert.is(row!.n, 0);
      await sql.unsafe('discard all');
      await inTransaction(sql, async (db) => {
        await db.unsafe('select $1::int', [i], { prepare: true });
      });
    }
  } finally {
    await sql.end();
  }
});

test('with prepare on statements stay prepared, and losing them shows: the setting has a meaning', async () => {
  const sql = createPool(database.appUrl, { max: 1, application: 'test' });
  try {
    const ask = (): Promise<void> =>
      inTransaction(sql, async (db) => {
        await db.unsafe('select $1::int', [1], { prepare: true });
        await db.unsafe('discard sequences; deallocate all');
        await db.unsafe('select $1::int', [1], { prepare: true });
      });
    let code = '';
    await ask().catch((error: unknown) => (code = (error as { code: string }).code));
    assert.match(code, /^(26000|25P02)$/);
  } finally {
    await sql.end();
  }
});

test('the timeouts hold for sessions that cannot set them', async () => {
  const { server: fhir, close } = await openServer({
    databaseUrl: database.appUrl,
    pool: 1,
    baseUrl: 'http://localhost/fhir',
    prepare: false,
  });
  try {
    const rows = await fhir.sql.unsafe<{ name: string; setting: string; source: string }[]>(
      `select name, setting, source from pg_settings where name in ('statement_timeout', 'idle_in_transaction_session_timeout') order by name`,
    );
    assert.equal(
      rows.map(({ setting, source }) => `${setting} ${source}`),
      ['30000 user', '30000 user'],
    );
  } finally {
    await close();
  }
});

test('every kind of interaction works without prepared statements', async () => {
  const fhir: FhirProcess = await startFhir(database.appUrl, { DATABASE_PREPARE: 'off', DATABASE_POOL: '1' });
  try {
    const body = { resourceType: 'Patient', id: 'p', identifier: [{ system: 'urn:t', value: 'p' }] };
    const headers = { 'if-none-exist': 'identifier=urn:t|p' };
    const entry = [
      { resource: body, request: { method: 'PUT', url: 'Patient?identifier=urn:t|p' } },
      { request: { method: 'GET', url: 'Patient?identifier=urn:t|p' } },
    ];
    const statuses = [
      await fhir.request('/Patient/p', { method: 'PUT', body }),
      await fhir.request('/Patient', { body, headers }),
      await fhir.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } }),
      await fhir.request('/Patient/p'),
      await fhir.request('/Patient?identifier=urn:t|p'),
      await fhir.request('/Patient/_history'),
      await fhir.request('/Patient?identifier=urn:t|p', { method: 'DELETE' }),
    ].map(({ status }) => status);
    assert.equal(statuses, [201, 200, 200, 200, 200, 200, 204]);
  } finally {
    await fhir.stop();
  }
});

test.run();
