import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { jobDone } from '../../support/job.ts';
import { type Stack, startStack } from '../../support/stack.ts';

let stack: Stack;
test.before(async () => {
  stack = await startStack();
  // More than the buffers on the way hold.
  const item = Array.from({ length: 3 }, () => ({ type: 'source', resource: { display: randomBytes(700_000).toString('base64') } }));
  const { status } = await stack.request('/Linkage/big', { method: 'PUT', body: { resourceType: 'Linkage', id: 'big', item } });
  assert.is(status, 201);
});
test.after(() => stack.stop());

/** A client that doesn't take anything for a while; over HTTP/2 little is sent ahead of what is taken. */
const readLate = (path: string, pauseMs: number): Promise<{ status: number; bytes: number; reset: boolean }> =>
  new Promise((resolve, reject) => {
    const session = connect(new URL(stack.system.state.baseUrl).origin, {
      ...stack.tls('ehr-demo'),
      settings: { initialWindowSize: 65_535 },
    });
    session.on('error', reject);
    const stream = session.request({ ':path': path, accept: '*/*' });
    let status = 0;
    let bytes = 0;
    let reset = false;
    stream.on('response', (headers) => {
      status = headers[':status']!;
      void sleep(pauseMs).then(() => stream.on('data', (chunk: Buffer) => (bytes += chunk.length)));
    });
    stream.on('error', () => (reset = true));
    stream.on('close', () => {
      session.close();
      resolve({ status, bytes, reset });
    });
    stream.end();
  });

test('a file of a job is sent for as long as its client takes it, where other answers are cut', async () => {
  const { json } = await jobDone(stack, await stack.request('/$export?_type=Linkage'));
  const { pathname } = new URL(json.output[0].url);
  // The same Envoy with a route timeout of one second instead of a minute.
  const bootstrap = join(stack.data, 'envoy', 'envoy.yaml');
  writeFileSync(bootstrap, readFileSync(bootstrap, 'utf8').replace('cluster: fhir, timeout: 60s', 'cluster: fhir, timeout: 1s'));
  await stack.system.restart('envoy');
  assert.ok((await readLate('/fhir/Linkage/big', 2500)).reset, 'an answer that is read late is cut');
  const file = await readLate(pathname, 2500);
  assert.equal([file.status, file.reset], [200, false]);
  assert.ok(file.bytes > 2_800_000, `${file.bytes} bytes`);
});

test.run();
