import postgres from 'postgres';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Edge, startEdge } from '../../support/edge.ts';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
let edge: Edge;
test.before(async () => {
  stack = await startStack({ environment: { gateway: { GATEWAY_QUOTA: 'ratelimit' } } });
  edge = await startEdge(stack, 'counting', { RATELIMIT: 'on' });
});
test.after(async () => {
  await edge.stop();
  await stack.stop();
});

const ask = (accept: string): Promise<Answer> =>
  stack.request(`https://localhost:${edge.port}/fhir/metadata`, { client: 'reader-demo', headers: { accept } });

test("a quota that Envoy's own ratelimit filter has found used up is a 429 that the client can read", async () => {
  const answers: Answer[] = [];
  // The quota fills up again while a busy machine asks: two in a second.
  while (answers.length < 121 || (answers.length < 1000 && answers.at(-1)!.status === 200)) answers.push(await ask('*/*'));
  const inJson = answers.pop()!;
  assert.equal([...new Set(answers.map(({ status }) => status))], [200]);
  assert.is(inJson.status, 429);
  assert.equal([inJson.json.resourceType, inJson.json.issue[0].code], ['OperationOutcome', 'throttled']);
  const inXml = await ask('application/fhir+xml');
  assert.is(inXml.status, 429);
  assert.match(inXml.text, /^<OperationOutcome xmlns="http:\/\/hl7\.org\/fhir">.*<code value="throttled"\/>/);
  for (const { headers } of [inJson, inXml]) assert.ok(Number(headers['retry-after']) > 0);
  const sql = postgres(stack.system.state.databaseUrl, { max: 1 });
  const events =
    await sql`select body::jsonb->>'request' as request, body::jsonb->>'client' as client, body::jsonb->>'interaction' as interaction
    from audit.event where body::jsonb->>'kind' = 'throttle' order by body::jsonb->>'at'`;
  await sql.end();
  assert.equal(
    events.map((event) => ({ ...event })),
    [inJson, inXml].map(({ headers }) => ({ request: headers['x-request-id'], client: 'reader-demo', interaction: 'capabilities' })),
  );
});

test.run();
