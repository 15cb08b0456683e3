import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withStatus } from '../../../fhir/subscription/status-text.ts';

const TEXT = '{ "resourceType":"Subscription", "status" : "requested",\n"criteria":"Patient?name=\\"error\\"" }';

test('changes the status and no other byte', () => {
  assert.is(withStatus(TEXT, 'active', undefined), TEXT.replace('"requested"', '"active"'));
});

test('puts an error in, replaces it, and takes it away', () => {
  const failed = withStatus(TEXT, 'error', 'it "failed"');
  assert.is(failed, TEXT.replace('"requested"', '"error","error":"it \\"failed\\""'));
  assert.is(withStatus(failed, 'error', 'again'), TEXT.replace('"requested"', '"error","error":"again"'));
  assert.is(withStatus(failed, 'active', undefined), TEXT.replace('"requested"', '"active"'));
});

test('takes away an error wherever it stands', () => {
  for (const text of [
    '{"error":"x", "status":"error","a":1}',
    '{"status":"error","a":1 ,"error" : "x"}',
    '{"status":"error", "error":"x","a":1}',
  ]) {
    const active = JSON.parse(withStatus(text, 'active', undefined)) as object;
    assert.equal(active, { status: 'active', a: 1 }, text);
  }
});

test.run();
