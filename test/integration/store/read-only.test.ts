import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { asFhirError } from '../../../fhir/store/errors.ts';
import { createPool } from '../../../fhir/store/pool.ts';
import { startPostgres } from '../../support/postgres.ts';

test('a database that only reads for now, as a standby or a demoted primary does, is 503 with Retry-After', async () => {
  const server = await startPostgres();
  const database = await server.createDatabase();
  const owner = postgres(database.ownerUrl, { max: 1 });
  const pool = createPool(database.appUrl, { max: 1, application: 'read only' });
  try {
    await owner.unsafe(`alter database "${new URL(database.ownerUrl).pathname.slice(1)}" set default_transaction_read_only = on`);
    const refused = await pool.unsafe('delete from fhir.resource where rid = 0').catch((error: unknown) => error);
    const refusal = asFhirError(refused);
    assert.is(refusal?.status, 503);
    assert.is(refusal?.headers['retry-after'], '1');
  } finally {
    await pool.end({ timeout: 0 });
    await owner.end();
    await database.drop();
    await server.stop();
  }
});

test.run();
