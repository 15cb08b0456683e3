import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Answer, type Stack, startStack } from '../../support/stack.ts';

const XML = 'application/fhir+xml';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const isXml = ({ status, headers, text }: Answer, expected: number, says: RegExp): void => {
  assert.is(status, expected, text);
  assert.match(String(headers['content-type']), /^application\/fhir\+xml/);
  assert.match(text, /<OperationOutcome xmlns="http:\/\/hl7\.org\/fhir"><issue><severity value="error"\/>/);
  assert.match(text, says);
  assert.is(headers['x-content-type-options'], 'nosniff');
};
const ask = (path: string, accept: string, client = 'reader-demo', method = 'GET'): Promise<Answer> =>
  stack.request(path, { client, method, headers: { accept } });

test("the gateway's refusals are XML for who takes nothing else", async () => {
  isXml(await ask('/Patient/1', XML, 'reader-demo', 'DELETE'), 403, /<code value="forbidden"\/><diagnostics value="This needs the scope/);
  isXml(await ask('/Patient/1?_format=xml', '*/*', 'reader-demo', 'DELETE'), 403, /This needs the scope/);
  isXml(await ask('/Patient/1/2/3/4', XML), 404, /of this form of address/);
  for (const accept of ['*/*', `${XML}, application/fhir+json;q=0.5`]) {
    const answer = await ask('/Patient/1', accept, 'reader-demo', 'DELETE');
    assert.match(String(answer.headers['content-type']), /^application\/fhir\+json/);
    assert.equal([answer.status, answer.json.issue[0].code], [403, 'forbidden']);
  }
  let over = await ask('/metadata', XML);
  for (let i = 0; i < 130 && over.status !== 429; i++) over = await ask('/metadata', XML);
  isXml(over, 429, /<code value="throttled"\/>/);
  assert.ok(Number(over.headers['retry-after']) > 0);
});

test("Envoy's own are too, where nobody answers and where nothing is served", async () => {
  const outside = new URL('/elsewhere', stack.system.state.baseUrl).href;
  isXml(await ask(outside, XML, 'ehr-demo'), 404, /<code value="not-found"\/>/);
  assert.is((await ask(outside, '*/*', 'ehr-demo')).json.issue[0].code, 'not-found');
  assert.is((await ask(`${outside}?_format=json&x=xml`, XML, 'ehr-demo')).json.issue[0].code, 'not-found');
});

test("and a request that breaks the edge's rules", async () => {
  const slash = '/Patient/a%2Fb';
  isXml(
    await ask(slash, XML, 'ehr-demo'),
    400,
    /<code value="invalid"\/><details><text value="[^"]+"\/><\/details><diagnostics value="path/,
  );
  isXml(await ask(`${slash}?_format=XML`, 'application/json', 'ehr-demo'), 400, /"invalid"/);
  isXml(await ask(`${slash}?_format=`, 'APPLICATION/FHIR+XML', 'ehr-demo'), 400, /"invalid"/);
  assert.is((await ask(`${slash}?_format=json`, XML, 'ehr-demo')).json.issue[0].code, 'invalid');
});

test.run();
