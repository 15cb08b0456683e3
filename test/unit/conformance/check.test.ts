import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Expectation } from '../../conformance/case.ts';
import { faultsOf } from '../../conformance/check.ts';
import { runArea } from '../../conformance/runner.ts';
import type { Answer } from '../../support/stack.ts';

const answer = (json: object, status = 200): Answer => ({
  status,
  headers: { etag: 'W/"1"' },
  text: JSON.stringify(json),
  bytes: Buffer.from(JSON.stringify(json)),
  json,
});
const bundle = answer({
  resourceType: 'Bundle',
  total: 2,
  entry: [
    { resource: { id: 'a' }, search: { mode: 'match' } },
    { resource: { id: 'b' }, search: { mode: 'match' } },
    { resource: { id: 'c' }, search: { mode: 'include' } },
  ],
});

const RIGHT: readonly Expectation[] = [
  { status: 200 },
  { status: [200, 204] },
  { ids: ['b', 'a'] },
  { order: ['a', 'b'] },
  { included: ['c'] },
  { has: { total: 2, 'entry.#': 3, 'entry.0.resource.id': /^a$/, 'entry.0.resource.name': undefined } },
  { headers: { etag: 'W/"1"', location: null } },
  { text: /"total":2/ },
];
const WRONG: readonly Expectation[] = [
  { status: 201 },
  { ids: ['a'] },
  { order: ['b', 'a'] },
  { included: [] },
  { has: { total: 3 } },
  { has: { 'entry.0.resource.name': /./ } },
  { headers: { etag: 'W/"2"' } },
  { headers: { etag: null } },
  { text: /"total":3/ },
  { issue: 'not-found' },
  { body: { resourceType: 'Bundle' } },
];

test('an answer that is as expected has no fault', () => {
  for (const expected of RIGHT) assert.equal(faultsOf(bundle, expected), [], JSON.stringify(expected));
});

test('an answer that is not as expected has one, whatever was expected', () => {
  for (const expected of WRONG) assert.is(faultsOf(bundle, expected).length, 1, JSON.stringify(expected));
});

test('a case fails with its first wrong step, and what it saved is in the next', async () => {
  const sent: string[] = [];
  const send = (path: string): Promise<Answer> => {
    sent.push(path);
    return Promise.resolve(answer({ id: 'made' }));
  };
  const steps = [
    { send: 'POST /Patient', body: {}, save: { id: 'id' } },
    { send: 'GET /Patient/{id}', expect: { status: 404 } },
    { send: 'GET /never' },
  ];
  const area = { area: 'x', spec: '', cases: [{ name: 'y', steps }] };
  const [result] = await runArea(area, { baseUrl: 'http://x', send });
  assert.equal(sent, ['/Patient', '/Patient/made']);
  assert.equal(result!.faults, ['GET /Patient/{id}: status 200 instead of 404']);
});

test.run();
