import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { addClient } from '../../support/clients.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
const put = async (resource: { resourceType: string; id: string; [element: string]: unknown }): Promise<void> => {
  const { status, text } = await stack.request(`/${resource.resourceType}/${resource.id}`, { method: 'PUT', body: resource });
  assert.is(status, 201, text);
};
const subject = { reference: 'Patient/p' };
const code = { text: 'x' };

test.before(async () => {
  stack = await startStack();
  await put({ resourceType: 'Organization', id: 'o', name: 'O' });
  await put({ resourceType: 'Practitioner', id: 'd' });
  await put({
    resourceType: 'PractitionerRole',
    id: 'r',
    practitioner: { reference: 'Practitioner/d' },
    organization: { reference: 'Organization/o' },
  });
  await put({ resourceType: 'Patient', id: 'p', generalPractitioner: [{ reference: 'PractitionerRole/r' }] });
  await put({ resourceType: 'Patient', id: 'other' });
  for (let i = 0; i < 7; i++) {
    await put({
      resourceType: 'Observation',
      id: `ob${i}`,
      status: 'final',
      code,
      subject,
      // Twice in the compartment, by two of its parameters: shown once.
      performer: [subject],
      effectiveDateTime: `2024-0${i + 1}-10`,
      valueQuantity: { value: 1 },
    });
  }
  await put({ resourceType: 'Observation', id: 'foreign', status: 'final', code, subject: { reference: 'Patient/other' } });
  await put({ resourceType: 'Condition', id: 'c', code, subject, asserter: { reference: 'Practitioner/d' } });
});
test.after(() => stack.stop());

const namesOf = ({ json }: Answer, mode?: string): string[] =>
  json.entry
    .filter((entry: { search: { mode: string } }) => mode === undefined || entry.search.mode === mode)
    .map(({ resource }: { resource: { resourceType: string; id: string } }) => `${resource.resourceType}/${resource.id}`);

test('shows the patient, its compartment, and what these refer to, each once', async () => {
  const answer = await stack.request('/Patient/p/$everything');
  assert.is(answer.status, 200);
  assert.equal(namesOf(answer, 'match').sort(), ['Condition/c', ...[0, 1, 2, 3, 4, 5, 6].map((i) => `Observation/ob${i}`), 'Patient/p']);
  assert.equal(namesOf(answer, 'include').sort(), ['Organization/o', 'Practitioner/d', 'PractitionerRole/r']);
  assert.is(namesOf(answer)[0], 'Patient/p');
});

test('shows what is referred to in escaped characters too', async () => {
  const body = '{"resourceType":"Patient","id":"escaped","managingOrganization":{"reference":"Organization\\/o"}}';
  assert.is((await stack.request('/Patient/escaped', { method: 'PUT', body })).status, 201);
  assert.equal(namesOf(await stack.request('/Patient/escaped/$everything')), ['Patient/escaped', 'Organization/o']);
  await stack.request('/Patient/escaped', { method: 'DELETE' });
});

test('pages without losing or repeating what is of the patient', async () => {
  const seen: string[] = [];
  let pages = 0;
  for (let url: string | undefined = '/Patient/p/$everything?_count=2'; url !== undefined; pages++) {
    const page: Answer = await stack.request(url);
    seen.push(...namesOf(page, 'match'));
    url = page.json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
  }
  assert.is(pages, 4);
  assert.is(seen.length, 9);
  assert.is(new Set(seen).size, 9);
});

test('who asks for no pages has all in one Bundle', async () => {
  const subject = { reference: 'Patient/whole' };
  const entry = Array.from({ length: 300 }, (_, i) => ({
    resource: { resourceType: 'Condition', subject, code, recorder: { reference: `Practitioner/w${i}` } },
    request: { method: 'POST', url: 'Condition' },
  }));
  await put({ resourceType: 'Patient', id: 'whole' });
  assert.is((await stack.request('', { body: { resourceType: 'Bundle', type: 'transaction', entry } })).status, 200);
  for (const path of ['/Patient/whole/$everything', '/Patient/whole/$everything?_type=Condition']) {
    const answer = await stack.request(path);
    assert.equal(
      answer.json.link.map(({ relation }: { relation: string }) => relation),
      ['self'],
    );
    assert.is(namesOf(answer).filter((name) => name.startsWith('Condition/')).length, 300);
  }
  await stack.request('/Patient/whole', { method: 'DELETE' });
});

test('goes on in the form that the first page was asked in', async () => {
  const { text } = await stack.request('/Patient/p/$everything?_count=1&_format=xml&_pretty=true');
  assert.match(text, /<relation value="next"\/>\s*<url value="[^"]*_count=1&amp;_format=xml&amp;_pretty=true&amp;_cursor=/);
});

test('keeps to a period of care, and to types', async () => {
  const answer = await stack.request('/Patient/p/$everything?start=2024-03-01&end=2024-04-10&_type=Observation');
  assert.equal(namesOf(answer), ['Observation/ob2', 'Observation/ob3']);
  const all = namesOf(await stack.request('/Patient/p/$everything?start=2024-07'));
  assert.ok(all.includes('Condition/c'), 'what has no date of care belongs to every period');
  assert.not.ok(all.includes('Observation/ob5'));
});

test('keeps to what was written since a moment', async () => {
  const { headers } = await stack.request('/Condition/c');
  const later = new Date(Date.parse(headers['last-modified'] as string) + 60_000).toISOString();
  assert.is((await stack.request(`/Patient/p/$everything?_since=${later}`)).json.entry, undefined);
});

test('takes a Parameters resource as well', async () => {
  const answer = await stack.request('/Patient/p/$everything', {
    body: {
      resourceType: 'Parameters',
      parameter: [
        { name: '_type', valueString: 'Condition,Practitioner' },
        { name: '_count', valueInteger: 5 },
      ],
    },
  });
  assert.equal(namesOf(answer), ['Condition/c', 'Practitioner/d']);
});

test('shows an encounter with what belongs to it, and its patient', async () => {
  await put({
    resourceType: 'Encounter',
    id: 'e',
    status: 'finished',
    class: { code: 'AMB' },
    subject,
    participant: [{ individual: { reference: 'Practitioner/d' } }],
  });
  await put({ resourceType: 'Observation', id: 'in', status: 'final', code, subject, encounter: { reference: 'Encounter/e' } });
  const answer = await stack.request('/Encounter/e/$everything?_type=Encounter,Observation,Patient,Practitioner');
  assert.equal(namesOf(answer, 'match'), ['Encounter/e', 'Observation/in']);
  assert.equal(namesOf(answer, 'include').sort(), ['Patient/p', 'Practitioner/d']);
  await stack.request('/Encounter/e', { method: 'DELETE' });
  assert.is((await stack.request('/Encounter/e/$everything')).status, 410);
  await stack.request('/Observation/in', { method: 'DELETE' });
});

test('names what is wrong with a question', async () => {
  for (const [query, said] of [
    ['_type=Nothing', /_type=Nothing/],
    ['start=soon', /start=soon/],
    ['_count=0', /_count=0/],
    ['_cursor=%25', /_cursor/],
    ['colour=red', /colour is no parameter/],
    ['start=2024&start=2025', /start is given 2 times/],
  ] as const) {
    const { status, json } = await stack.request(`/Patient/p/$everything?${query}`);
    assert.is(status, 400, query);
    assert.match(json.issue[0].diagnostics, said);
  }
  assert.is((await stack.request('/Patient/nobody/$everything')).status, 404);
  assert.is((await stack.request('/Encounter/$everything')).status, 404);
  for (const cursor of ['abc', '7', '1-x'])
    assert.is((await stack.request(`/Patient/$everything?_cursor=${Buffer.from(cursor).toString('base64url')}`)).status, 400);
});

test('without an id shows what is of every patient, page by page, each page with several patients', async () => {
  const pages: string[][] = [];
  for (let url: string | undefined = '/Patient/$everything?_count=4'; url !== undefined;) {
    const answer: Answer = await stack.request(url);
    assert.is(answer.status, 200, answer.text);
    pages.push(namesOf(answer, 'match'));
    url = answer.json.link.find(({ relation }: { relation: string }) => relation === 'next')?.url;
  }
  const all = pages.flat();
  for (const name of ['Patient/p', 'Patient/other', 'Condition/c', 'Observation/foreign', 'Observation/ob6'])
    assert.is(all.filter((each) => each === name).length, 1, name);
  assert.ok(pages.length > 2 && pages.every(({ length }) => length <= 5), JSON.stringify(pages));
  const few = await stack.request('/Patient/$everything?_type=Observation&start=2024-03-01&end=2024-04-30');
  assert.equal(namesOf(few, 'match').sort(), ['Observation/foreign', 'Observation/ob2', 'Observation/ob3']);
});

test('without an id it is for who may search patients, and the trail names each of them', async () => {
  await addClient(stack, 'one-by-one', { scopes: ['system/Patient.r', 'system/Observation.r'], operations: ['$everything'] });
  assert.is((await stack.request('/Patient/p/$everything', { client: 'one-by-one' })).status, 200);
  const refused = await stack.request('/Patient/$everything', { client: 'one-by-one' });
  assert.is(refused.status, 403, refused.text);
  const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  const { headers } = await stack.request('/Patient/$everything?_type=Patient');
  const [row] =
    await sql`select body::jsonb as event from audit.event where body::jsonb->>'request' = ${headers['x-request-id'] as string}`;
  await sql.end();
  assert.equal((row!['event'] as { patients: string[] }).patients.sort(), ['Patient/other', 'Patient/p']);
});

test('the trail has one event with the patient and the count', async () => {
  const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  const { headers } = await stack.request('/Patient/p/$everything');
  const [row] =
    await sql`select body::jsonb as event from audit.event where body::jsonb->>'request' = ${headers['x-request-id'] as string}`;
  await sql.end();
  const event = row!['event'] as { patients: string[]; count: number; resource: string };
  assert.equal([event.resource, event.count], ['Patient/p', 12]);
  assert.ok(event.patients.includes('Patient/p'));
});

test.run();
