import { connect } from 'node:http2';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const query = (length: number): string => `/Patient?family=${'a'.repeat(length - '/fhir/Patient?family='.length)}`;

/** Status and body over HTTP/2; `reset` where the stream ends without an answer. */
const overHttp2 = async (path: string): Promise<{ status: number | 'reset'; text: string }> => {
  const session = connect(new URL(stack.system.state.baseUrl).origin, {
    ...stack.tls('ehr-demo'),
    // By default Node's own client refuses to send more than 64 KiB.
    maxSendHeaderBlockLength: 1 << 20,
  });
  session.on('error', () => undefined);
  try {
    const stream = session.request({ ':path': `/fhir${path}` });
    let status: number | 'reset' = 'reset';
    let text = '';
    stream.on('response', (headers) => (status = Number(headers[':status'])));
    stream.on('error', () => undefined);
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    stream.end();
    await new Promise((resolve) => stream.on('close', resolve));
    return { status, text };
  } finally {
    session.destroy();
  }
};
const overHttp1 = async (path: string): Promise<{ status: number; text: string }> => stack.request(path);

for (const [protocol, ask] of [
  ['HTTP/1', overHttp1],
  ['HTTP/2', overHttp2],
] as const) {
  test(`over ${protocol} an address of 30,000 characters is served`, async () => {
    const { status, text } = await ask(`${query(15_000)}&given=${'b'.repeat(15_000)}`);
    assert.is(status, 200, text);
  });

  for (const length of [40_000, 60_000, 90_000])
    test(`over ${protocol} one of ${length} is refused with 414, saying what to do`, async () => {
      const { status, text } = await ask(query(length));
      assert.is(status, 414, text);
      assert.match((JSON.parse(text) as { issue: { diagnostics: string }[] }).issue[0]!.diagnostics, /by POST to \/fhir\/Type\/_search/);
    });
}

test('bytes that should be percent-encoded are refused with 400 before the server can meet them', async () => {
  for (const bytes of ['\u00fc', '\u00c3\u00bc', '\u00ff']) {
    const { status, text } = await overHttp2(`/Patient?family=${bytes}`);
    assert.equal([status, text.includes('"OperationOutcome"')], [400, true], text);
  }
  assert.is((await overHttp2('/Patient?family=%C3%BC')).status, 200);
});

test('what is over 96 KiB never gets as far: 431 over HTTP/1, a reset stream over HTTP/2', async () => {
  assert.is((await overHttp1(query(200_000))).status, 431);
  assert.is((await overHttp2(query(200_000))).status, 'reset');
  assert.is((await stack.request('/metadata')).status, 200);
});

test.run();
