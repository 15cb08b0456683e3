import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const put = (id: string, text: string): Promise<Answer> =>
  stack.request(`/Basic/${id}`, { method: 'PUT', body: { resourceType: 'Basic', id, code: { text } } });
const versions = (answer: Answer): string[] =>
  (answer.json.entry ?? []).map(
    (entry: { request: { method: string }; response: { etag: string }; fullUrl: string }) =>
      `${entry.request.method} ${entry.fullUrl.split('/').at(-1)} ${entry.response.etag}`,
  );
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

test('_at finds what was current at that time, _since what came from then on', async () => {
  const times: string[] = [];
  const mark = async (): Promise<void> => {
    await pause();
    times.push(new Date().toISOString());
    await pause();
  };
  await mark();
  await put('a', 'one');
  await mark();
  await put('a', 'two');
  await put('b', 'one');
  await mark();
  await stack.request('/Basic/a', { method: 'DELETE' });
  await mark();
  await stack.settled();
  const at = async (time: string, path = '/Basic'): Promise<string[]> => versions(await stack.request(`${path}/_history?_at=${time}`));
  assert.equal(await at(times[0]!), []);
  assert.equal(await at(times[1]!), ['POST a W/"1"']);
  assert.equal(await at(times[2]!), ['POST b W/"1"', 'PUT a W/"2"']);
  assert.equal(await at(times[3]!), ['POST b W/"1"'], 'what is deleted is current no more');
  assert.equal(await at(times[1]!, '/Basic/a'), ['POST a W/"1"']);
  assert.is((await at(times[0]!.slice(0, 4))).length, 4, 'a year is a period');
  assert.equal(versions(await stack.request(`/Basic/_history?_since=${times[2]}`)), ['DELETE a W/"3"']);
  assert.equal(versions(await stack.request(`/Basic/a/_history?_since=${times[1]}`)), ['DELETE a W/"3"', 'PUT a W/"2"']);
  assert.equal(versions(await stack.request(`/_history?_since=${times[3]}`)), []);
});

test('paging is stable while others write', async () => {
  for (let i = 0; i < 6; i++) await put(`p${i}`, 'x');
  await stack.settled();
  const first = await stack.request('/Basic/_history?_count=3');
  const next = first.json.link.find(({ relation }: { relation: string }) => relation === 'next').url as string;
  await put('p0', 'y');
  await put('p9', 'x');
  const second = await stack.request(next);
  assert.equal(
    [...versions(first), ...versions(second)],
    ['p5', 'p4', 'p3', 'p2', 'p1', 'p0'].map((id) => `POST ${id} W/"1"`),
  );
});

test('a history of what never was is 404, of what is deleted is told', async () => {
  assert.is((await stack.request('/Basic/nobody/_history')).status, 404);
  const { json } = await stack.request('/Basic/a/_history');
  assert.equal([json.total, json.entry[0].response.status, json.entry[0].resource], [3, '204', undefined]);
});

test('a _count beyond what a page holds asks for a whole page', async () => {
  const greatest = String(2 ** 31 - 1);
  for (const path of ['/Basic?_count=', '/Basic/_history?_count=', '/Patient/$everything?_count='])
    assert.is((await stack.request(path + greatest)).status, 200, path);
  const genders = 'http://hl7.org/fhir/ValueSet/administrative-gender';
  const { json } = await stack.request(`/ValueSet/$expand?url=${genders}&count=${greatest}`);
  assert.is(json.expansion.contains.length, 4);
});

test('a history is counted without an entry, by _count=0 or _summary=count', async () => {
  const [one, two] = ['/Basic/c1', '/Basic/c2'];
  const start = new Date().toISOString();
  await pause();
  await put('c1', 'one');
  await put('c1', 'two');
  await put('c2', 'one');
  await stack.request(two, { method: 'DELETE' });
  const countOf = async (path: string): Promise<unknown[]> => {
    const { status, json } = await stack.request(path);
    return [status, json.type, json.total, json.entry, json.link.length];
  };
  const counted = (total: number): unknown[] => [200, 'history', total, undefined, 1];
  for (const asked of ['_count=0', '_summary=count']) {
    assert.equal(await countOf(`${one}/_history?${asked}`), counted(2));
    assert.equal(await countOf(`${two}/_history?${asked}`), counted(2));
    assert.equal(await countOf(`/Basic/_history?${asked}&_since=${start}`), counted(4));
    assert.equal(await countOf(`/_history?${asked}&_since=${start}`), counted(4));
    assert.equal(await countOf(`/Basic/_history?${asked}&_at=${start}&_since=${start}`), counted(0));
  }
  const { json: all } = await stack.request('/Basic/_history?_count=1000');
  assert.equal(await countOf('/Basic/_history?_count=0'), counted(all.entry.length));
  assert.is((await stack.request('/Basic/nobody/_history?_count=0')).status, 404);
});

test('a history may be asked for in the order that it has; other parameters are ignored by who prefers that alone', async () => {
  assert.is((await stack.request('/Basic/_history?_sort=-_lastUpdated')).status, 200);
  for (const query of ['_sort=_lastUpdated', '_sort=_id', 'code=x']) {
    assert.is((await stack.request(`/Basic/_history?${query}`)).status, 400, query);
    assert.is((await stack.request(`/Basic/_history?${query}`, { headers: { prefer: 'handling=lenient' } })).status, 200, query);
  }
});

test('a parameter without a value is left aside', async () => {
  const { status, json } = await stack.request('/Basic/c1/_history?_count=&_since=&_at=&_summary=&_elements=&_format=');
  assert.equal([status, json.total, json.entry.length], [200, 2, 2]);
  assert.is((await stack.request('/Basic/c1?_summary=&_elements=')).json.meta.tag, undefined);
  const found = await stack.request('/Basic?_id=c1&_count=&_summary=&_total=&_sort=&_include=');
  assert.equal([found.status, found.json.total], [200, 1], found.text);
});

test.run();
