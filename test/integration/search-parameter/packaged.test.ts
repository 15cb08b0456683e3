import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fhirPackage } from '../../support/fhir-package.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/stack.ts';
import { usCoreParameters } from '../../support/us-core.ts';

const RACE = 'http://hl7.org/fhir/us/core/SearchParameter/us-core-race';
let cluster: TestPostgres;
let database: TestDatabase;
let sql: postgres.Sql;
let folder: string;
let processes: FhirProcess[] = [];
test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'packages-'));
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  sql = postgres(database.ownerUrl, { max: 1 });
});
test.after(async () => {
  await stopAll();
  await sql.end();
  await database.drop();
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

const stopAll = async (): Promise<void> => {
  await Promise.all(processes.map(({ stop }) => stop()));
  processes = [];
};
/** Three at once, as replicas that load the same folder. */
const startAll = async (): Promise<readonly [FhirProcess, FhirProcess, FhirProcess]> => {
  const started = () => startFhir(database.appUrl, { FHIR_PACKAGES: folder });
  processes = await Promise.all([started(), started(), started()]);
  return processes as [FhirProcess, FhirProcess, FhirProcess];
};
const patient = (id: string, race: string): object => ({
  resourceType: 'Patient',
  id,
  extension: [
    {
      url: 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race',
      extension: [
        { url: 'ombCategory', valueCoding: { system: 'urn:oid:2.16.840.1.113883.6.238', code: race } },
        { url: 'text', valueString: 'told' },
      ],
    },
  ],
});
const store = async ({ request }: FhirProcess, id: string, race: string): Promise<void> => {
  const { status, text } = await request(`/Patient/${id}`, { method: 'PUT', body: patient(id, race) });
  assert.is(status, 201, text);
};
const found = async ({ request }: FhirProcess, query: string): Promise<string[] | string> => {
  const { status, json, text } = await request(query);
  return status === 200 ? (json.entry ?? []).map(({ resource }: { resource: { id: string } }) => resource.id).sort() : text;
};
const statusText = async ({ request }: FhirProcess, url = RACE): Promise<string> =>
  (await request(`/SearchParameter/$status?url=${encodeURIComponent(url)}`)).text;
const allReady = (process: FhirProcess): Promise<void> =>
  eventually(
    'all are ready',
    async () => {
      const states = await Promise.all(usCoreParameters().map(({ url }) => statusText(process, url)));
      return states.every((text) => text.includes('"valueCode":"ready"'));
    },
    60_000,
  );

test('a package that comes later: what was there is indexed in the background, on every replica', async () => {
  const [first] = await startAll();
  await store(first, 'before', '2106-3');
  assert.match(String(await found(first, '/Patient?race=2106-3')), /race/);
  assert.match(await statusText(first), /no package of this server has a search parameter/);
  await stopAll();

  writeFileSync(join(folder, 'us-core.tgz'), fhirPackage('hl7.fhir.us.core', usCoreParameters()));
  const replicas = await startAll();
  assert.match(await statusText(replicas[0]), /"valueCode":"(indexing|ready)"/);
  await store(replicas[1], 'while', '2106-3');
  await allReady(replicas[0]);
  assert.match(await statusText(replicas[0]), /hl7.fhir.us.core#1.0.0.*"name":"total","valueUnsignedInt":\d/);
  for (const replica of replicas)
    await eventually('it finds both', async () => String(await found(replica, '/Patient?race=2106-3')) === 'before,while', 3000);
  await store(replicas[2], 'after', '2054-5');
  assert.equal(await found(replicas[0], '/Patient?race=2054-5'), ['after']);
  const rows = await sql`select count(*)::int as n from fhir.search_parameter where package is not null`;
  assert.is(rows[0]!['n'], usCoreParameters().length, 'each is there once, whoever started first');
});

test('the CapabilityStatement lists them', async () => {
  const { json } = await processes[0]!.request('/metadata');
  const { searchParam } = json.rest[0].resource.find(({ type }: { type: string }) => type === 'Patient');
  assert.equal(
    searchParam.find(({ name }: { name: string }) => name === 'race'),
    { name: 'race', definition: RACE, type: 'token' },
  );
});

test('a client can take neither their codes nor their urls', async () => {
  const own = {
    resourceType: 'SearchParameter',
    url: 'http://example.org/mine',
    name: 'Mine',
    description: 'mine',
    status: 'active',
    code: 'race',
    base: ['Patient'],
    type: 'token',
    expression: 'Patient.gender',
  };
  const code = await processes[0]!.request('/SearchParameter', { body: own });
  assert.is(code.status, 422, code.text);
  assert.match(code.text, /Patient has race already, by the package hl7.fhir.us.core#1.0.0/);
  const url = await processes[0]!.request('/SearchParameter', { body: { ...own, url: RACE, code: 'other' } });
  assert.is(url.status, 422, url.text);
  assert.match(url.text, /the package hl7.fhir.us.core#1.0.0 has defined/);
});

test('$status of no url and of other parameters is refused, saying what to give', async () => {
  const none = await processes[0]!.request('/SearchParameter/$status');
  assert.is(none.status, 400, none.text);
  assert.match(none.text, /url=/);
  assert.is((await processes[0]!.request('/SearchParameter/$status?name=x')).status, 400);
  assert.match(await statusText(processes[0]!, 'http://hl7.org/fhir/SearchParameter/Patient-name'), /"valueCode":"standard"/);
});

test('another start with the same folder indexes nothing anew', async () => {
  const plan = async (): Promise<string> => JSON.stringify(await sql`select version, fence from fhir.search_plan`);
  const jobs = async (): Promise<string> => JSON.stringify(await sql`select count(*) as n from fhir.job`);
  const before = [await plan(), await jobs()];
  await stopAll();
  const [first] = await startAll();
  assert.equal([await plan(), await jobs()], before);
  assert.equal(await found(first, '/Patient?race=2106-3'), ['before', 'while']);
});

test('a faulty parameter stops no start: the log says its file and why, and the others serve', async () => {
  await stopAll();
  const bad = { ...usCoreParameters()[0], url: 'http://example.org/bad', code: 'bad', expression: 'CareTeam.nose' };
  const changed = usCoreParameters().map((each) => (each.code === 'race' ? { ...each, expression: 'Patient.gender' } : each));
  writeFileSync(join(folder, 'us-core.tgz'), fhirPackage('hl7.fhir.us.core', [...changed, bad]));
  const replicas = await startAll();
  assert.match(
    replicas[0].log.join('\n'),
    /"file":"package\/r7.json","url":"http:\/\/example.org\/bad","reason":"the expression isn't understood for CareTeam: CareTeam has no element nose","msg":"search parameter of a package left out"/,
  );
  await allReady(replicas[0]);
  // The one that means something else is indexed anew, and nothing is found by its former meaning.
  await replicas[0].request('/Patient/she', { method: 'PUT', body: { resourceType: 'Patient', id: 'she', gender: 'female' } });
  for (const replica of replicas) {
    await eventually('by the new meaning', async () => String(await found(replica, '/Patient?race=female')) === 'she', 3000);
    assert.equal(await found(replica, '/Patient?race=2106-3'), []);
  }
});

test('a package that is gone: its parameters are unknown again, and their rows are removed', async () => {
  await stopAll();
  rmSync(join(folder, 'us-core.tgz'));
  const [first, second] = await startAll();
  for (const each of [first, second]) assert.match(String(await found(each, '/Patient?race=female')), /race/);
  assert.equal(await found(first, '/Patient?gender=female'), ['she']);
  await eventually(
    'their rows are removed',
    async () => {
      const rows = await sql`select 1 from fhir.sp_token t join fhir.index_key k on k.id = t.key where k.key like 'token:{%' limit 1`;
      return rows.length === 0;
    },
    60_000,
  );
  await store(second, 'later', '2106-3');
});

test.run();
