import { once } from 'node:events';
import { connect } from 'node:tls';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
});
test.after(() => stack.stop());

const BODY = JSON.stringify({ resourceType: 'Basic', code: { text: 'expected' } });

/** The first lines of what comes, in order: the body goes out only where it is asked for. */
const expecting = async (client: string, length = BODY.length): Promise<string[]> => {
  const { hostname, port, pathname } = new URL(stack.system.state.baseUrl);
  const socket = connect({ host: hostname, port: Number(port), servername: hostname, ...stack.tls(client) });
  await once(socket, 'secureConnect');
  const head = [`POST ${pathname}/Basic HTTP/1.1`, `host: ${hostname}:${port}`, 'content-type: application/fhir+json'];
  socket.write([...head, `content-length: ${length}`, 'expect: 100-continue', 'connection: close', '', ''].join('\r\n'));
  let text = '';
  let hasSent = false;
  for await (const chunk of socket) {
    text += String(chunk);
    if (!hasSent && text.startsWith('HTTP/1.1 100 ')) {
      socket.write(BODY);
      hasSent = true;
    }
  }
  return text.split('\r\n').filter((line) => line.startsWith('HTTP/1.1 '));
};

test('who waits for 100 before it sends its body hears a refusal of the gateway instead', async () => {
  assert.equal(await expecting('ehr-demo'), ['HTTP/1.1 100 Continue', 'HTTP/1.1 201 Created']);
  assert.equal(await expecting('reader-demo'), ['HTTP/1.1 403 Forbidden']);
  assert.equal(await expecting('reader-demo', 50 << 20), ['HTTP/1.1 403 Forbidden']);
});

test.run();
