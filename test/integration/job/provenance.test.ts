import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { takeSnapshot } from '../../../fhir/job/export/export-batch.ts';
import { createLatest, createTargets } from '../../../fhir/job/export/provenance.ts';
import { openServer } from '../../../fhir/open-server.ts';
import type { Server } from '../../../fhir/server.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let fhir: FhirProcess;
let opened: { server: Server; close: () => Promise<void> };

const put = async (resource: { resourceType: string; id: string; [element: string]: unknown }): Promise<void> => {
  const { status, text } = await fhir.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body: resource });
  assert.ok(status < 300, text);
};
const provenance = (id: string, recorded: string, ...targets: string[]): Parameters<typeof put>[0] => ({
  resourceType: 'Provenance',
  id,
  recorded,
  target: targets.map((reference) => ({ reference })),
  agent: [{ who: { display: 'x' } }],
});
const rest = (): Promise<void> => Promise.resolve();

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  fhir = await startFhir(database.appUrl);
  opened = await openServer({ databaseUrl: database.appUrl, pool: 1, baseUrl: 'http://localhost/fhir' });
  for (const id of ['a', 'b', 'gone']) await put({ resourceType: 'Patient', id });
});
test.after(async () => {
  await opened.close();
  await fhir.stop();
  await database.drop();
  await cluster.stop();
});

test('the last Provenance of a target is the last that the snapshot saw, whatever was written since', async () => {
  await put(provenance('old', '2023-01-01T00:00:00Z', 'Patient/a', 'Patient/b'));
  await put(provenance('moved', '2025-01-01T00:00:00+01:00', 'Patient/a/_history/1'));
  await put(provenance('deleted', '2026-01-01T00:00:00Z', 'Patient/b'));
  await put(provenance('undone', '2026-06-01T00:00:00Z', 'Patient/b'));
  await fhir.request('/Provenance/undone', { method: 'DELETE' });
  const moment = await takeSnapshot(opened.server.db);
  await put(provenance('moved', '2025-01-01T00:00:00Z', 'Patient/b'));
  await fhir.request('/Provenance/deleted', { method: 'DELETE' });
  await put(provenance('new', '2027-01-01T00:00:00Z', 'Patient/a', 'Patient/b'));
  const latest = await createLatest(opened.server, { moment, rest })(['Patient/a', 'Patient/b', 'Patient/none']);
  const times = ['Patient/a', 'Patient/b'].map((name) => new Date(latest.get(name)!).toISOString());
  assert.equal(times, ['2024-12-31T23:00:00.000Z', '2026-01-01T00:00:00.000Z']);
  assert.is(latest.get('Patient/none'), -Infinity);
});

test('targets are judged as the snapshot saw them', async () => {
  const moment = await takeSnapshot(opened.server.db);
  await put({ resourceType: 'Patient', id: 'a', active: true });
  await fhir.request('/Patient/gone', { method: 'DELETE' });
  await put({ resourceType: 'Patient', id: 'late' });
  const seen: string[] = [];
  const keep: Parameters<typeof createTargets>[1]['keep'] = new Map([
    [
      'Patient',
      (rows) => {
        seen.push(...rows.map(({ id, body }) => `${id} ${JSON.parse(body!).active ?? 'unsaid'}`));
        return Promise.resolve(rows.flatMap((row) => (row.body === null ? [] : { ...row, body: row.body })));
      },
    ],
  ]);
  const targets = createTargets(opened.server, { moment, written: { sinceMs: undefined, untilMs: undefined }, keep, rest });
  const names = ['Patient/a', 'Patient/gone', 'Patient/late', 'Patient/none', 'Observation/o', 'http://elsewhere/Patient/b'];
  const row = (rid: number, ...own: string[]): Parameters<typeof targets>[0][number] => ({
    rid,
    id: 'x',
    deleted: false,
    body: JSON.stringify(provenance('x', '2024-01-01T00:00:00Z', ...own)),
  });
  const found = await targets([row(1, ...names), row(2, 'Patient/late')]);
  assert.equal([...found], [[1, ['Patient/a', 'Patient/gone']]]);
  assert.equal(seen.sort(), ['a unsaid', 'gone unsaid']);
});

test.run();
