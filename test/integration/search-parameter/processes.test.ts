import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { openSearchPlan } from '../../../fhir/search-parameter/search-plan.ts';
import { createPool } from '../../../fhir/store/pool.ts';
import { type FhirProcess, startFhir } from '../../support/fhir-process.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/stack.ts';

let cluster: TestPostgres;
let database: TestDatabase;
let sql: postgres.Sql;
const processes: FhirProcess[] = [];
test.before(async () => {
  cluster = await startPostgres();
  database = await cluster.createDatabase();
  sql = postgres(database.ownerUrl, { max: 1 });
  // Only the first works in the background: what the second knows it knows from the table.
  processes.push(await startFhir(database.appUrl), await startFhir(database.appUrl, { BACKGROUND: 'off' }));
});
test.after(async () => {
  await Promise.all(processes.map(({ stop }) => stop()));
  await sql.end();
  await database.drop();
  await cluster.stop();
});

const person = (id: string, family: string): object => ({ resourceType: 'Person', id, name: [{ family }], text: undefined });
const shoe = (given: object = {}): object => ({
  resourceType: 'SearchParameter',
  id: 'household',
  url: 'http://example.org/SearchParameter/household',
  name: 'Household',
  description: 'the family that somebody belongs to',
  status: 'active',
  code: 'household',
  base: ['Person'],
  type: 'string',
  expression: 'Person.name.family',
  ...given,
});
const total = async (process: FhirProcess, query: string): Promise<number | string> => {
  const { status, json, text } = await process.request(`/Person?${query}&_summary=count`);
  return status === 200 ? (json.total as number) : text;
};

test('a process that only answers requests knows a parameter within two seconds, and indexes by it', async () => {
  const [first, second] = processes as [FhirProcess, FhirProcess];
  await first.request('/Person/a', { method: 'PUT', body: person('a', 'Jones') });
  const { status, text } = await second.request('/SearchParameter/household', { method: 'PUT', body: shoe() });
  assert.is(status, 201, text);
  await eventually(
    'both refuse it, saying why',
    async () => {
      const answers = await Promise.all(processes.map((each) => total(each, 'household=jones')));
      return answers.every((each) => /is being indexed and can't be searched by yet/.test(String(each)));
    },
    2000,
  );
  await second.request('/Person/b', { method: 'PUT', body: person('b', 'Jones') });
  await eventually('it is ready', async () => (await sql`select from fhir.search_parameter where state = 'ready'`).length === 1, 20_000);
  await eventually(
    'both find both',
    async () => {
      const answers = await Promise.all(processes.map((each) => total(each, 'household=jones')));
      return answers.every((each) => each === 2);
    },
    2000,
  );
  await second.request('/Person/b', { method: 'PUT', body: person('b', 'Smith') });
  assert.equal(await Promise.all(processes.map((each) => total(each, 'household=jones'))), [1, 1]);
  assert.match(processes[0]!.log.join('\n'), /"id":"household","resources":2,"msg":"search parameter ready"/);
});

test('a process that starts later knows it from its start', async () => {
  const third = await startFhir(database.appUrl, { BACKGROUND: 'off' });
  processes.push(third);
  assert.is(await total(third, 'household=jones'), 1);
});

test('a write whose rows are of a plan from before the fence is not stored', async () => {
  const [{ version, fence }] = (await sql`select version, fence from fhir.search_plan`) as unknown as [{ version: number; fence: number }];
  assert.ok(fence > 0 && fence <= version);
  // As if a process had slept through an announcement: the plan is newer than what any of them knows, and none can read it anew.
  await sql`update fhir.search_plan set fence = ${version + 1}`;
  const refused = await processes[1]!.request('/Person/c', { method: 'PUT', body: person('c', 'Jones') });
  assert.is(refused.status, 503, refused.text);
  assert.match(refused.text, /about to learn of a changed search parameter/);
  assert.is(refused.headers.get('retry-after'), '1');
  assert.is((await processes[1]!.request('/Person/c')).status, 404);
  await sql`update fhir.search_plan set fence = ${fence}`;
  assert.is((await processes[1]!.request('/Person/c', { method: 'PUT', body: person('c', 'Jones') })).status, 201);
  assert.is(await total(processes[0]!, 'household=jones'), 2);
});

test('two that want the same code at once: one is indexed, the other is told why not', async () => {
  const twins = ['left', 'right'].map((id) => shoe({ id, url: `http://example.org/${id}`, code: 'twin' }));
  const answers = await Promise.all(
    twins.map((body, i) => processes[i]!.request(`/SearchParameter/${(body as { id: string }).id}`, { method: 'PUT', body })),
  );
  const taken = answers.filter(({ status }) => status === 201).length;
  assert.ok(taken >= 1, answers.map(({ text }) => text).join());
  await eventually(
    'they are settled',
    async () => {
      const rows =
        await sql`select s.state, s.reason from fhir.search_parameter s join fhir.resource r using (rid) where r.id in ('left', 'right')`;
      const states = rows.map(({ state }) => state as string).sort();
      return states.join() === (taken === 2 ? 'ready,refused' : 'ready');
    },
    20_000,
  );
  if (taken === 2) {
    const told = await Promise.all(
      ['left', 'right'].map(async (id) => (await processes[0]!.request(`/SearchParameter/${id}/$status`)).text),
    );
    assert.match(told.join(), /Person has twin already, by SearchParameter\/(left|right)/);
  }
});

test('one that this version of the server cannot compile is refused, and stops neither writes nor searches nor a start', async () => {
  const [first] = processes as [FhirProcess];
  const status = async (): Promise<string> => (await first.request('/SearchParameter/foreign/$status')).text;
  const write = async (given = 'active'): Promise<void> => {
    const { status: code, text } = await first.request('/SearchParameter/foreign', {
      method: 'PUT',
      body: shoe({ id: 'foreign', url: 'http://example.org/foreign', code: 'foreign', status: given }),
    });
    assert.ok(code === 200 || code === 201, text);
  };
  await write();
  await eventually('it is ready', async () => (await status()).includes('"valueCode":"ready"'), 20_000);
  // As if another version of the server, which knows more of FHIRPath, had accepted it.
  await sql`update fhir.search_parameter set definition = replace(definition, 'Person.name.family', 'Person.name.family.lower(')
where rid = (select rid from fhir.resource where id = 'foreign')`;
  await sql`update fhir.search_plan set version = version + 1`;
  processes.push(await startFhir(database.appUrl, { BACKGROUND: 'off' }));
  await eventually('it is refused', async () => /"valueCode":"refused".*can't index it/s.test(await status()), 5000);
  const removals = await sql`select from fhir.job where kind = 'reindex' and request::text like '%remove%'`;
  assert.is(removals.length, 1, 'its rows are removed once');
  for (const [i, each] of processes.entries()) {
    const { status: code, text } = await each.request(`/Person/d${i}`, { method: 'PUT', body: person(`d${i}`, 'Brown') });
    assert.is(code, 201, text);
    assert.is(await total(each, 'household=brown'), i + 1);
    assert.match(String(await total(each, 'foreign=jones')), /Person has no search parameter foreign/);
  }
  // Retired and written anew: it is looked at again.
  await write('retired');
  await write();
  await eventually('it is ready again', async () => (await status()).includes('"valueCode":"ready"'), 20_000);
});

test('a definition is compiled once, whichever others come', async () => {
  const pool = createPool(database.appUrl, { max: 1, application: 'test' });
  const plan = await openSearchPlan({
    registry: loadRegistry(),
    baseUrl: 'https://example.org/fhir',
    sql: pool,
    onFault: (error) => assert.unreachable(String(error)),
  });
  const before = plan.planOf('Person').parameters.get('household')!;
  const other = shoe({ id: 'other', url: 'http://example.org/SearchParameter/other', code: 'other' });
  assert.is((await processes[0]!.request('/SearchParameter/other', { method: 'PUT', body: other })).status, 201);
  await eventually('it is known', async () => {
    await plan.refresh();
    return plan.planOf('Person').pending.has('other') || plan.planOf('Person').parameters.has('other');
  });
  assert.is(plan.planOf('Person').parameters.get('household') === before, true);
  assert.is((await processes[0]!.request('/SearchParameter/other', { method: 'DELETE' })).status, 204);
  await eventually('it is forgotten', async () => {
    await plan.refresh();
    return !plan.planOf('Person').pending.has('other') && !plan.planOf('Person').parameters.has('other');
  });
  await pool.end({ timeout: 1 });
});

test.run();
