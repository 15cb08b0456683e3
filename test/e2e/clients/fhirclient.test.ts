import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { pythonWith } from '../../support/python.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
let stack: Stack;
let python: string;
test.before(async () => {
  [stack, python] = await Promise.all([startStack(), pythonWith(here('requirements.txt'))]);
});
test.after(() => stack.stop());

test("SMART's fhirclient, unmodified, prepares, creates, updates, searches, includes, batches and deletes", async () => {
  const { authority, state } = stack.system;
  const { cert, key } = authority.clientFiles('ehr-demo');
  // requests takes a CA from its environment before that of a session.
  const env = { ...process.env, REQUESTS_CA_BUNDLE: authority.caFile };
  const { stdout } = await promisify(execFile)(python, [here('fhirclient_client.py'), state.baseUrl, cert, key], { env });
  assert.equal(JSON.parse(stdout), {
    ready: true,
    version: '4.0.1',
    version_after_update: '2',
    found: [true],
    born: '1985-08-01',
    pages: 1,
    included: ['include', 'match'],
    batch: true,
    gone: 410,
    missing: true,
  });
});

test.run();
