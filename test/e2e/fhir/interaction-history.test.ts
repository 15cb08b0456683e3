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

const times: string[] = [];

test('_at finds what was current at that time, _since what came from then on', async () => {
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

test('_count=0 and _summary=count tell how many versions there are, and show none', async () => {
  const [, since] = times;
  const all = (await stack.request('/Basic/_history?_count=1000')).json.entry.length;
  for (const [path, total] of [
    ['/Basic/a/_history', 3],
    [`/Basic/a/_history?_since=${since}`, 2],
    ['/Basic/_history', all],
    ['/_history', all],
    ['/Patient/_history', 0],
  ] as const) {
    for (const asks of ['_count=0', '_summary=count']) {
      const { status, json } = await stack.request(`${path}${path.includes('?') ? '&' : '?'}${asks}`);
      assert.equal([status, json.type, json.total, json.entry, json.link.length], [200, 'history', total, undefined, 1], `${path} ${asks}`);
    }
  }
});

test.run();
