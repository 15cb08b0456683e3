import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let plain: FhirProcess;
let full: FhirProcess;

test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  [plain, full] = await Promise.all([startFhir(database.appUrl), startFhir(database.appUrl, { VALIDATION: 'full' })]);
});
test.after(async () => {
  await Promise.all([plain.stop(), full.stop()]);
  await database.drop();
  await cluster.stop();
});

const codeSystem = (concepts: number): object => ({
  resourceType: 'CodeSystem',
  id: 'large',
  status: 'active',
  content: 'complete',
  concept: Array.from({ length: concepts }, (_, i) => ({ code: `c${i}` })),
});

test('a resource that would keep the rules in FHIRPath busy for minutes is refused at once', async () => {
  const before = performance.now();
  const answer = await plain.request('/CodeSystem/$validate', { body: codeSystem(100_000) });
  assert.is(answer.status, 413, answer.text);
  assert.is(answer.json.issue[0].code, 'too-costly');
  assert.match(answer.json.issue[0].diagnostics, /more than 5000 elements concept/);
  assert.ok(performance.now() - before < 20_000);
  assert.is((await plain.request('/CodeSystem/$validate', { body: codeSystem(10) })).status, 200);
});

test('the statement of capabilities, the largest resource that this server makes, can be checked', async () => {
  const { text } = await plain.request('/metadata');
  const answer = await plain.request('/CapabilityStatement/$validate', { body: text });
  assert.is(answer.status, 200, answer.text.slice(0, 300));
});

test('the same resource is stored where writes are checked without them, and refused where with them', async () => {
  const put = (server: FhirProcess): Promise<{ status: number }> =>
    server.request('/CodeSystem/large', { method: 'PUT', body: codeSystem(20_000) });
  assert.is((await full.request('/CodeSystem/large', { method: 'PUT', body: codeSystem(10) })).status, 201);
  assert.is((await put(full)).status, 413);
  assert.is((await put(plain)).status, 200);
  const claiming = { ...codeSystem(6000), meta: { profile: ['http://hl7.org/fhir/StructureDefinition/shareablecodesystem'] } };
  const claimed = await plain.request('/CodeSystem/large', { method: 'PUT', body: claiming });
  assert.ok(claimed.status === 422 || claimed.status === 200, claimed.text.slice(0, 300));
});

test.run();
