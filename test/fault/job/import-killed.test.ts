import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobDone, linesOf } from '../../support/job.ts';
import { eventually, type Stack, startStack } from '../../support/stack.ts';

const COUNT = 20_000;
let stack: Stack;
let sql: postgres.Sql;
test.before(async () => {
  stack = await startStack({ environment: { fhir: { JOB_LEASE_SECONDS: '2' } } });
  sql = postgres(stack.system.state.databaseUrl, { max: 1 });
});
test.after(async () => {
  await sql.end();
  await stack.stop();
});

test('an import goes on after kill -9 of its process; each line is one version of one resource', async () => {
  // Half with an id, half without, every thousandth wrong.
  const line = (i: number): string =>
    i % 1000 === 999
      ? '{"resourceType":"Basic"'
      : JSON.stringify({ resourceType: 'Basic', ...(i % 2 === 0 && { id: `n${i}` }), code: { text: `line ${i}` } });
  writeFileSync(join(stack.data, 'imports', 'many.ndjson'), Array.from({ length: COUNT }, (_, i) => `${line(i)}\n`).join(''));
  const startedAt = performance.now();
  const begun = await stack.request('/$import', {
    body: { resourceType: 'Parameters', parameter: [{ name: 'input', part: [{ name: 'url', valueUri: 'many.ndjson' }] }] },
  });
  const stored = async (): Promise<number> => (await sql`select count(*)::int as n from fhir.resource`)[0]!['n'] as number;
  for (const least of [3000, 9000]) {
    await eventually(`${least} are stored`, async () => (await stored()) >= least, 60_000);
    stack.system.parts.get('fhir')!.kill('SIGKILL');
    await stack.system.restart('fhir');
  }
  const { status, json } = await jobDone(stack, begun, { limitMs: 120_000 });
  console.log(`${COUNT} lines in ${((performance.now() - startedAt) / 1000).toFixed(1)} s, with two kills`);
  assert.is(status, 200);
  const good = COUNT - COUNT / 1000;
  assert.equal(json.output, [{ type: 'Basic', count: good, inputUrl: 'many.ndjson' }]);
  assert.is((await linesOf(stack, json.error[0].url)).length, COUNT / 1000);
  const [row] =
    await sql`select count(*)::int as n, count(distinct body::json->'code'->>'text')::int as texts, max(version) as version from fhir.resource`;
  assert.equal({ ...row }, { n: good, texts: good, version: 1 });
});

test.run();
