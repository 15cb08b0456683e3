import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createOutbox } from '../../../fhir/audit/outbox.ts';
import { FAULT_POINTS } from '../../../fhir/audit/sealer.ts';
import { createPool } from '../../../fhir/store/pool.ts';
import { anEvent } from '../../support/audit-events.ts';
import { startPostgres, type TestPostgres } from '../../support/postgres.ts';
import { relayFolder } from '../../support/relay.ts';
import { noStore, startStore, type TestStore } from '../../support/s3.ts';

let server: TestPostgres;
let store: TestStore | undefined;
let bucket = '';
test.before(async () => {
  server = await startPostgres();
  if (noStore() !== undefined) return;
  store = await startStore();
  bucket = await store.createBucket();
});
test.after(async () => {
  await Promise.all([server.stop(), store?.stop()]);
});

for (const kind of ['folder', 'S3 store'] as const)
  for (const fault of FAULT_POINTS) {
    test(`killed at ${fault}, twice, the relay loses no event and seals none twice in a ${kind}`, async () => {
      if (kind === 'S3 store' && store === undefined) return console.log(noStore());
      const database = await server.createDatabase();
      const app = createPool(database.appUrl, { max: 2, application: 'test' });
      const folder = relayFolder(
        database,
        kind === 'folder' ? undefined : { bucket: `s3://${bucket}/${fault}`, env: { ...store!.env, AUDIT_RETENTION_DAYS: '1' } },
      );
      const outbox = createOutbox(app);
      try {
        let appended = 0;
        // More than a tile, so that full and partial tiles are both half written.
        const append = async (count: number): Promise<void> => {
          await Promise.all(Array.from({ length: count }, () => outbox.append(anEvent())));
          appended += count;
        };
        for (const count of [300, 500]) {
          const doomed = folder.start({ fault, isStandby: true });
          await append(count);
          const relay = await doomed.catch(() => undefined);
          if (relay !== undefined) assert.is((await relay.exited).signal, 'SIGKILL');
          // What lies there is never wrong, only not yet signed.
          assert.equal(
            (await folder.verify()).problems.filter(
              (problem) => !problem.includes('nothing here is signed') && !problem.includes('checkpoint is missing'),
            ),
            [],
          );
        }
        const relay = await folder.start();
        await append(10);
        assert.is((await relay.stop(10_000)).code, 0);
        const { problems, events } = await folder.verify();
        assert.equal(problems, []);
        assert.is(events, appended);
      } finally {
        await outbox.close();
        await app.end();
        folder.remove();
        await database.drop();
      }
    });
  }

test.run();
