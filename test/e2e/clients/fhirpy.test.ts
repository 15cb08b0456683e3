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

test('fhirpy, unmodified, saves, searches, includes, counts and deletes', async () => {
  const { authority, state } = stack.system;
  const { cert, key } = authority.clientFiles('ehr-demo');
  const { stdout } = await promisify(execFile)(python, [here('fhirpy_client.py'), state.baseUrl, authority.caFile, cert, key]);
  assert.equal(JSON.parse(stdout), {
    found: [true],
    included: ['include', 'match'],
    count: 1,
    gender: 'male',
    refused: 'code-invalid',
    gone: true,
  });
});

test.run();
