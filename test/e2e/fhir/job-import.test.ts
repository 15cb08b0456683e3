import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { gzipSync } from 'node:zlib';
import { addClient } from '../../support/clients.ts';
import { jobDone, linesOf } from '../../support/job.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const file = (name: string, lines: readonly (object | string)[]): void =>
  writeFileSync(
    join(stack.data, 'imports', name),
    lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''),
  );
const begin = (inputs: readonly Readonly<Record<string, string>>[], client = 'ehr-demo'): Promise<Answer> =>
  stack.request('/$import', {
    client,
    body: {
      resourceType: 'Parameters',
      parameter: [
        { name: 'inputFormat', valueCode: 'application/fhir+ndjson' },
        ...inputs.map((input) => ({ name: 'input', part: Object.entries(input).map(([name, valueUri]) => ({ name, valueUri })) })),
      ],
    },
  });
const patient = (id: string, active = true): object => ({ resourceType: 'Patient', id, active });

test('stores the lines of files, each with its own event, and tells how many', async () => {
  file('patients.ndjson', [
    patient('a'),
    '{ "resourceType":"Patient", "id":"b",\t"active":false }',
    { resourceType: 'Patient', active: true },
  ]);
  file('mixed.ndjson', [
    { resourceType: 'Basic', id: 'x', code: { text: '1' } },
    patient('a', false),
    { resourceType: 'Basic', id: 'x', code: { text: '2' } },
  ]);
  const { status, json } = await jobDone(stack, await begin([{ type: 'Patient', url: 'patients.ndjson' }, { url: 'mixed.ndjson' }]));
  assert.is(status, 200);
  assert.equal(json.output, [
    { type: 'Patient', count: 3, inputUrl: 'patients.ndjson' },
    { type: 'Basic', count: 2, inputUrl: 'mixed.ndjson' },
    { type: 'Patient', count: 1, inputUrl: 'mixed.ndjson' },
  ]);
  assert.equal(json.error, []);
  assert.match((await stack.request('/Patient/b')).text, /,\t"active":false \}$/);
  assert.is((await stack.request('/Patient/a')).headers['etag'], 'W/"2"');
  assert.is((await stack.request('/Basic/x')).json.code.text, '2');
  assert.is((await stack.request('/Patient?_summary=count')).json.total, 3);
  const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  const [row] =
    await sql`select count(*)::int as events from audit.event where body::jsonb->>'kind' = 'write' and body::jsonb->>'client' = 'ehr-demo'`;
  await sql.end();
  assert.is(row!['events'], 6);
});

test('tells which lines could not be stored and why, and stores the others', async () => {
  file('bad.ndjson', [
    patient('c'),
    '{"resourceType":"Patient","id":',
    { resourceType: 'Patient', id: 'd', colour: 'red' },
    '',
    { resourceType: 'Basic', id: 'y', code: {} },
    patient('e'),
  ]);
  const { json } = await jobDone(stack, await begin([{ type: 'Patient', url: 'bad.ndjson' }]));
  assert.equal(json.output, [{ type: 'Patient', count: 2, inputUrl: 'bad.ndjson' }]);
  assert.is(json.error[0].count, 3);
  const said = (await linesOf(stack, json.error[0].url)).map(({ issue }) => issue[0].diagnostics as string);
  assert.match(said[0]!, /^bad\.ndjson, line 2: .*JSON/);
  assert.match(said[1]!, /^bad\.ndjson, line 3: .*colour/);
  assert.match(said[2]!, /^bad\.ndjson, line 5: the line is a Basic/);
  assert.is((await stack.request('/Patient/e')).status, 200);
});

test('a conditional reference leads to what is there, the lines before included', async () => {
  const visit = (id: string, criteria: string): object => ({
    resourceType: 'Encounter',
    id,
    status: 'finished',
    class: { code: 'AMB' },
    subject: { reference: `Patient?identifier=${criteria}` },
  });
  file('conditional.ndjson', [
    { ...patient('referred'), identifier: [{ system: 'urn:s', value: '1' }] },
    visit('visit', 'urn:s|1'),
    visit('lost', 'urn:s|2'),
    patient('after'),
  ]);
  const { json } = await jobDone(stack, await begin([{ url: 'conditional.ndjson' }]));
  assert.equal(
    json.output.map(({ type, count }: { type: string; count: number }) => [type, count]),
    [
      ['Patient', 2],
      ['Encounter', 1],
    ],
  );
  const said = (await linesOf(stack, json.error[0].url)).map(({ issue }) => issue[0].diagnostics as string);
  assert.is(said.length, 1);
  assert.match(said[0]!, /^conditional\.ndjson, line 3: nothing matches the conditional reference to Patient/);
  assert.is((await stack.request('/Encounter/visit')).json.subject.reference, 'Patient/referred');
});

test('a file that is packed is refused as a whole, and told so', async () => {
  writeFileSync(join(stack.data, 'imports', 'packed.ndjson.gz'), gzipSync(JSON.stringify(patient('packed'))));
  const { status, json } = await jobDone(stack, await begin([{ url: 'packed.ndjson.gz' }]));
  assert.is(status, 500);
  assert.match(json.issue[0].diagnostics, /packed\.ndjson\.gz is packed by gzip: unpack it/);
});

test('stores only what the client may write', async () => {
  await addClient(stack, 'loader', { scopes: ['system/Patient.cu', 'system/Basic.c'], operations: ['$import'] });
  file('scoped.ndjson', [
    patient('f'),
    { resourceType: 'Basic', id: 'z', code: { text: 'x' } },
    { resourceType: 'Basic', code: { text: 'x' } },
  ]);
  const begun = await begin([{ url: 'scoped.ndjson' }], 'loader');
  const { json } = await jobDone(stack, begun, { client: 'loader' });
  assert.equal(
    json.output.map(({ type, count }: { type: string; count: number }) => [type, count]),
    [
      ['Patient', 1],
      ['Basic', 1],
    ],
  );
  assert.is(json.error[0].count, 1);
  assert.is((await begin([{ type: 'Observation', url: 'scoped.ndjson' }], 'loader')).status, 403);
});

test('fetches nothing and reads nothing outside of its folder', async () => {
  for (const url of ['http://169.254.169.254/latest', 'file:///etc/passwd', '../pki/ca.key', '/etc/passwd', 'missing.ndjson']) {
    const { status, json } = await begin([{ url }]);
    assert.is(status, 400, url);
    assert.match(json.issue[0].diagnostics, /import folder/);
  }
  assert.is((await begin([])).status, 400);
  assert.is((await begin([{ url: 'patients.ndjson' }, { url: 'patients.ndjson' }])).status, 400);
  assert.is((await stack.request('/$import')).status, 405);
});

test.run();
