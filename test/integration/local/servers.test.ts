import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startPostgres } from '../../support/postgres.ts';
import { startValkey } from '../../support/valkey.ts';

const connectionOf = (url: string): postgres.Sql => postgres(url, { max: 1, onnotice: () => undefined });

test('the test database is durable, migrated, and open to each role', async () => {
  const server = await startPostgres();
  const database = await server.createDatabase();
  try {
    const owner = connectionOf(database.ownerUrl);
    const settings = await owner`select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')`;
    assert.equal(
      settings.map((row) => row['setting']),
      ['on', 'on', 'on'],
    );
    assert.is((await owner`select count(*)::int as n from fhir.resource`)[0]!['n'], 0);
    await owner.end();
    for (const [role, url] of Object.entries({
      fhir_app: database.appUrl,
      gateway_audit: database.gatewayUrl,
      audit_relay: database.relayUrl,
    })) {
      const sql = connectionOf(url);
      assert.is((await sql`select current_user as name`)[0]!['name'], role);
      await sql.end();
    }
  } finally {
    await database.drop();
    await server.stop();
  }
});

test('a Valkey of its own stops and comes back on the same port', async () => {
  const first = await startValkey({ own: true, password: 'a'.repeat(16) });
  const port = Number(new URL(first.url).port);
  await first.stop();
  const second = await startValkey({ own: true, port, password: 'a'.repeat(16) });
  assert.is(second.url, first.url);
  await second.stop();
});

test.run();
