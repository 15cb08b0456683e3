import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobDone, linesOf } from '../../support/job.ts';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let sql: postgres.Sql;
const put = async (resource: { resourceType: string; id: string; [element: string]: unknown }): Promise<void> => {
  const { status, text } = await stack.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body: resource });
  assert.ok(status < 300, text);
};
const reference = (to: string): { reference: string } => ({ reference: to });
const observation = (id: string, patient: string): Parameters<typeof put>[0] => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  subject: reference(`Patient/${patient}`),
});
/** Type and id of each line, those of one file together. */
const exported = async (path: string): Promise<string[]> => {
  const answer = await jobDone(stack, await stack.request(path, { headers: { prefer: 'respond-async' } }));
  assert.is(answer.status, 200, answer.text);
  const names: string[] = [];
  for (const { type, url } of answer.json.output) for (const { id } of await linesOf(stack, url)) names.push(`${type}/${id}`);
  return names.sort();
};

test.before(async () => {
  stack = await startStack();
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  for (const id of ['a', 'b']) await put({ resourceType: 'Patient', id });
  await put({ resourceType: 'Group', id: 'g', type: 'person', actual: true, member: [{ entity: reference('Patient/a') }] });
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

test('an export of patients brings along what theirs refers to, and nothing that tells of other patients', async () => {
  const base = stack.system.state.baseUrl;
  const tellsOf = (id: string): { url: string; valueReference: { reference: string } }[] => [
    { url: 'http://example.org/about', valueReference: reference(`Patient/${id}`) },
  ];
  await put({ resourceType: 'Organization', id: 'o' });
  await put({ resourceType: 'Organization', id: 'far', name: 'Far' });
  await put({ resourceType: 'Organization', id: 'theirs', name: 'Theirs', partOf: reference('Organization/far') });
  await put({ resourceType: 'Organization', id: 'of-a', extension: tellsOf('a') });
  await put({ resourceType: 'Organization', id: 'of-b', extension: tellsOf('b') });
  await put({ resourceType: 'Organization', id: 'further', name: 'Further' });
  await put({ resourceType: 'Organization', id: 'fourth', name: 'Fourth', partOf: reference('Organization/further') });
  await put({ resourceType: 'Organization', id: 'third', name: 'Third', partOf: reference('Organization/fourth') });
  await put({ resourceType: 'Organization', id: 'second', name: 'Second', partOf: reference('Organization/third') });
  await put({ resourceType: 'Practitioner', id: 'p' });
  await put({
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: reference('Practitioner/p/_history/1'),
    organization: reference('Organization/theirs'),
  });
  await put({
    ...observation('referring', 'a'),
    performer: [
      `${base}/PractitionerRole/r`,
      'Organization/of-a',
      'Organization/of-b',
      'Organization/gone',
      'http://elsewhere/Organization/o',
    ].map(reference),
    // No search parameter says so.
    extension: [{ url: 'http://example.org/place', valueReference: reference('Organization/second') }],
  });
  await put({ ...observation('of-another', 'b'), performer: [reference('Organization/o')] });
  const referred = ['far', 'fourth', 'of-a', 'second', 'theirs', 'third'].map((id) => `Organization/${id}`);
  const all = await exported('/Group/g/$export');
  assert.equal(
    all.filter((name) => /^(Organization|Practitioner)/.test(name)),
    [...referred, 'Practitioner/p', 'PractitionerRole/r'],
  );
  // Whatever else is asked for.
  assert.equal(await exported('/Group/g/$export?_type=Organization,Practitioner'), [...referred, 'Practitioner/p']);
  const filtered = '/Group/g/$export?_type=Patient,Organization&_typeFilter=Organization%3Fname%3Dth&_typeFilter=Patient%3F_id%3Dnone';
  assert.equal(await exported(filtered), ['Organization/theirs', 'Organization/third']);
  const since = new Date().toISOString();
  await put({ resourceType: 'Practitioner', id: 'p', active: true });
  await put({ resourceType: 'Practitioner', id: 'nobodys' });
  assert.equal(await exported(`/Group/g/$export?_type=Observation,Practitioner&_since=${since}`), ['Practitioner/p']);
  const ofAll = await exported('/Patient/$export?_type=Practitioner,Organization,Location');
  assert.equal(ofAll, [...referred, 'Organization/o', 'Organization/of-b', 'Practitioner/p'].sort());
  assert.is(Number((await sql`select count(*) as n from fhir.export_referred`)[0]!['n']), 0);
});

test.run();
