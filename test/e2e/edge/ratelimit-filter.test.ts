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

/** The first refusal; the quota fills up again while a busy machine asks, by two in a second. */
const refused = async (accept: string): Promise<Answer> => {
  for (let asked = 0; ; asked++) {
    const answer = await stack.request(`https://localhost:${edge.port}/fhir/metadata`, { client: 'reader-demo', headers: { accept } });
    if (answer.status !== 200 || asked === 1000) return answer;
  }
};

test("a quota that Envoy's own ratelimit filter has found used up is a 429 that the client can read", async () => {
  const inJson = await refused('*/*');
  assert.is(inJson.status, 429);
  assert.equal([inJson.json.resourceType, inJson.json.issue[0].code], ['OperationOutcome', 'throttled']);
  const inXml = await refused('application/fhir+xml');
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
