import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobDone, linesOf } from '../../support/job.ts';
import { eventually, type Stack, startStack } from '../../support/stack.ts';

const COUNT = 170_000;
let stack: Stack;
let sql: postgres.Sql;
test.before(async () => {
  stack = await startStack({ environment: { fhir: { JOB_LEASE_SECONDS: '2' } } });
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  // Put in by hand, since it is much: what an export reads is this table alone.
  const { json } = await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'x' } } });
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

const rssPeakMb = (pid: number): number => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

test('an export goes on after kill -9 of its process, and loses and repeats nothing', async () => {
  const begun = await stack.request('/$export?_type=Basic');
  const id = (begun.headers['content-location'] as string).split('/').at(-1)!;
  const files = async (): Promise<number> => {
    const [row] = await sql`select state from fhir.job where id = ${id}`;
    return ((JSON.parse((row!['state'] as string | null) ?? '{}') as { files?: unknown[] }).files ?? []).length;
  };
  await eventually('a file is there', async () => (await files()) >= 1, 60_000);
  // What is written from now on is of a later moment than the export.
  const changed = await stack.request('/Basic/n169999', {
    method: 'PUT',
    body: { resourceType: 'Basic', id: 'n169999', code: { text: 'later' } },
  });
  assert.is(changed.status, 200);
  assert.is((await stack.request('/Basic/n169998', { method: 'DELETE' })).status, 204);
  assert.is((await stack.request('/Basic', { body: { resourceType: 'Basic', code: { text: 'later' } } })).status, 201);
  stack.system.parts.get('fhir')!.kill('SIGKILL');
  const before = await files();
  assert.ok(before < 4, 'it was killed before the end');
  await stack.system.restart('fhir');
  const { status, json } = await jobDone(stack, begun, { limitMs: 120_000 });
  assert.is(status, 200);
  const ids = new Map<string, string>();
  for (const { url, count } of json.output) {
    const lines = await linesOf(stack, url);
    assert.is(lines.length, count);
    for (const line of lines) {
      assert.not.ok(ids.has(line.id), `${line.id} comes twice`);
      ids.set(line.id, line.code.text);
    }
  }
  assert.is(ids.size, COUNT + 1);
  assert.ok(ids.has('n169998'), 'deleted since');
  assert.equal(new Set(ids.values()), new Set(['x']), 'as it was when the export began');
});

test('an export needs no more memory for more resources', async () => {
  await stack.system.restart('fhir');
  const { pid } = stack.system.parts.get('fhir')!;
  await jobDone(stack, await stack.request('/$export?_type=Organization'));
  const before = rssPeakMb(pid);
  const startedAt = performance.now();
  await jobDone(stack, await stack.request('/$export?_type=Basic'), { limitMs: 120_000 });
  const grown = rssPeakMb(pid) - before;
  console.log(
    `${COUNT} resources in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, peak memory ${before.toFixed(0)} MB + ${grown.toFixed(0)} MB`,
  );
  assert.ok(grown < 150, `it grew by ${grown.toFixed(0)} MB`);
});

test.run();
