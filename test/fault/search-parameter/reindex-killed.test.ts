import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, eventually, type Stack, startStack } from '../../support/stack.ts';

const COUNT = 40_000;
const COLOUR = 'http://example.org/colour';
let stack: Stack;
let sql: postgres.Sql;
test.before(async () => {
  stack = await startStack({ environment: { fhir: { JOB_LEASE_SECONDS: '2' } } });
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  // Put in by hand, since it is much: what a scan reads is this table alone.
  const { json } = await stack.request('/Basic', { body: basic('red') });
  const [row] = await sql`select rid, type, body from fhir.resource where id = ${json.id as string}`;
  const { rid, type, body } = row as unknown as { rid: string; type: number; body: string };
  await sql`insert into fhir.resource (rid, type, id, version, updated, deleted, body)
    select ${rid}::bigint + 1000000000 + i, ${type}::smallint, 'n' || i, 1, now(), false, replace(${body}, ${json.id as string}, 'n' || i)
    from generate_series(1, ${COUNT}::int) as i`;
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

const basic = (colour: string, id?: string): Record<string, unknown> => ({
  resourceType: 'Basic',
  ...(id !== undefined && { id }),
  code: { text: 'x' },
  extension: [{ url: COLOUR, valueCode: colour }],
});

const progress = async (): Promise<{ state: string; done: number }> =>
  (await sql`select state, done::int as done from fhir.search_parameter`)[0] as unknown as { state: string; done: number };

test('a reindex goes on after kill -9 of its process; writes meanwhile neither lose rows nor double them', async () => {
  const written = await stack.request('/SearchParameter', {
    body: {
      resourceType: 'SearchParameter',
      url: 'http://example.org/SearchParameter/colour',
      name: 'Colour',
      description: 'a colour',
      status: 'active',
      code: 'colour',
      base: ['Basic'],
      type: 'token',
      expression: `Basic.extension.where(url='${COLOUR}').value.ofType(code)`,
    },
  });
  assert.is(written.status, 201, written.text);
  // All through it: changes that change the colour, changes that don't, deletes, and new ones.
  const over = new AbortController();
  const expected = new Map<string, string | undefined>();
  const seen = new Set<number>();
  const writing = async (from: number): Promise<void> => {
    for (let i = from; !over.signal.aborted; i += 4) {
      const n = 1 + ((i * 7919) % COUNT);
      const id = `n${n}`;
      if (seen.has(n)) continue;
      seen.add(n);
      const put = (body: Record<string, unknown>): Promise<unknown> =>
        stack.request(`/Basic/${body['id'] as string}`, { method: 'PUT', body });
      // Sent once more where the server was gone: each of these may be done twice.
      const sent = async (send: () => Promise<unknown>): Promise<void> =>
        eventually(
          'the write is answered',
          async () => {
            const answer = (await send().catch(() => undefined)) as { status: number } | undefined;
            return answer !== undefined && answer.status < 300;
          },
          30_000,
        );
      switch (i % 4) {
        case 0:
          await sent(() => put(basic('blue', id)));
          expected.set(id, 'blue');
          break;
        case 1:
          await sent(() => put({ ...basic('red', id), code: { text: 'y' } }));
          expected.set(id, 'red');
          break;
        case 2:
          await sent(() => stack.request(`/Basic/${id}`, { method: 'DELETE' }));
          expected.set(id, undefined);
          break;
        case 3:
          await sent(() => put(basic('green', `new${i}`)));
          expected.set(`new${i}`, 'green');
      }
    }
  };
  const writers = [0, 1, 2, 3].map(writing);
  for (const least of [2000, 15_000]) {
    await eventually(`${least} are done`, async () => (await progress()).done >= least, 60_000);
    stack.system.parts.get('fhir')!.kill('SIGKILL');
    assert.is((await progress()).state, 'indexing', 'it was killed before the end');
    await stack.system.restart('fhir');
  }
  await eventually('it is ready', async () => (await progress()).state === 'ready', 60_000);
  over.abort();
  await Promise.all(writers);
  console.log(`${COUNT} resources with two kills, ${expected.size} writes meanwhile`);
  assert.ok(expected.size > 100, `${expected.size} writes`);
  const rows = await sql`
    select r.id, r.body::json->'extension'->0->>'valueCode' as colour, count(t.rid)::int as n,
      bool_and(t.code = hashtextextended(r.body::json->'extension'->0->>'valueCode', 0)) as same
    from fhir.resource r left join (fhir.sp_token t join fhir.index_key k on k.id = t.key and k.key like 'token:{%') on t.rid = r.rid
    where r.id <> 'x' and r.body::json->>'resourceType' is distinct from 'SearchParameter' group by 1, 2`;
  const wrong = rows.filter(({ colour, n, same }) => (colour === null ? n !== 0 : n !== 1 || same !== true));
  assert.equal(wrong.slice(0, 5), [], `${wrong.length} resources have other rows than their own`);
  const colours = new Map(rows.map(({ id, colour }) => [id as string, (colour ?? undefined) as string | undefined]));
  for (const [id, colour] of expected) assert.is(colours.get(id), colour, id);
  const search = (): Promise<Answer> => stack.request('/Basic?colour=blue&_summary=count');
  // It may be some moments between that it is ready and that a process knows.
  await eventually('it is usable', async () => (await search()).status === 200);
  assert.is((await search()).json.total, [...expected.values()].filter((each) => each === 'blue').length);
});

test.run();
