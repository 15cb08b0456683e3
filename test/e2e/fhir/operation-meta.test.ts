import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const TAG = { system: 'http://example.org/tags', code: 'a' };
const change = (name: string, path: string, valueMeta: object, headers: Record<string, string> = {}): Promise<Answer> =>
  stack.request(`${path}/${name}`, { body: { resourceType: 'Parameters', parameter: [{ name: 'meta', valueMeta }] }, headers });

test('$meta-add and $meta-delete change labels, and no other byte', async () => {
  const text = '{ "resourceType":"Basic", "code" : {"text":"1.10"} }';
  const { json, text: stored } = await stack.request('/Basic', { body: text });
  const path = `/Basic/${json.id}`;
  const added = await change('$meta-add', path, { tag: [TAG], profile: ['http://example.org/profile'] });
  assert.is(added.status, 200, added.text);
  assert.is(added.headers['etag'], 'W/"2"');
  assert.equal(added.json.parameter[0].valueMeta.tag, [TAG]);
  assert.is((await change('$meta-add', path, { tag: [{ ...TAG, display: 'A' }] })).headers['etag'], 'W/"2"', 'the same label: no version');
  assert.match((await stack.request(path)).text, /"code" : \{"text":"1\.10"\} \}$/);
  const deleted = await change('$meta-delete', path, { tag: [TAG], profile: ['http://example.org/profile'] });
  assert.is(deleted.headers['etag'], 'W/"3"');
  const unstamped = (each: string): string => each.replace(/"versionId":"\d+","lastUpdated":"[^"]+"/, '');
  assert.is(unstamped((await stack.request(path)).text), unstamped(stored));
});

test('a label that is being changed by others is changed after them, unless a version is demanded', async () => {
  const { json } = await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } } });
  const path = `/Basic/${json.id}`;
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map((code) => change('$meta-add', path, { tag: [{ ...TAG, code }] })));
  assert.equal(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  assert.is((await stack.request(path)).json.meta.tag.length, 4);
  assert.is((await change('$meta-add', path, { tag: [TAG] }, { 'if-match': 'W/"1"' })).status, 412);
});

test('$meta of a type and of the server tell the labels in use', async () => {
  await stack.request('/Goal', {
    body: {
      resourceType: 'Goal',
      lifecycleStatus: 'active',
      description: { text: 'x' },
      subject: { reference: 'Patient/x' },
      meta: { tag: [{ ...TAG, code: 'goal' }] },
    },
  });
  const codes = ({ json }: Answer): string[] => json.parameter[0].valueMeta.tag.map(({ code }: { code: string }) => code).sort();
  assert.equal(codes(await stack.request('/Goal/$meta')), ['goal']);
  assert.equal(codes(await stack.request('/$meta')), ['a', 'b', 'c', 'd', 'goal']);
});

test('each version that it makes has its write in the trail, which the auditor looks for', async () => {
  const { json } = await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } } });
  await change('$meta-add', `/Basic/${json.id}`, { tag: [TAG] });
  const body = { resourceType: 'Basic', id: json.id, code: { text: 'y' } };
  assert.is((await stack.request(`/Basic/${json.id}`, { method: 'PUT', body })).headers['etag'], 'W/"3"');
  const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  const writes = await sql`select (body::jsonb->>'version')::int as version from audit.event
    where body::jsonb->>'kind' = 'write' and body::jsonb->>'resource' = ${`Basic/${json.id}`} order by 1`;
  await sql.end();
  assert.equal(
    writes.map(({ version }) => version as number),
    [1, 2, 3],
  );
});

test('says what is wrong with the labels that are given', async () => {
  const { json } = await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } } });
  const path = `/Basic/${json.id}`;
  for (const [meta, said] of [
    [{}, /no profile, security or tag/],
    [{ tag: [{}] }, /tag\[0\] is not a coding/],
    [{ tag: 'x' }, /tag is an array/],
    [{ tag: [{ code: 'x', colour: 1 }] }, /colour/],
  ] as const) {
    const answer = await change('$meta-add', path, meta);
    assert.is(answer.status, 400, answer.text);
    assert.match(answer.json.issue[0].diagnostics, said);
  }
  assert.is((await change('$meta-add', '/Basic/nobody', { tag: [TAG] })).status, 404);
  assert.is((await stack.request(`${path}/$meta-add`)).status, 405);
});

test.run();
