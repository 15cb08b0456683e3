import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { newLogicalId } from '../../../fhir/store/logical-id.ts';

test('makes well-formed UUIDs of version 7', () => {
  for (let i = 0; i < 1000; i++) assert.match(newLogicalId(), /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('orders by time', () => {
  assert.ok(newLogicalId(1_700_000_000_000) < newLogicalId(1_700_000_000_001));
});

test('does not repeat', () => {
  assert.is(new Set(Array.from({ length: 5000 }, () => newLogicalId(1))).size, 5000);
});

test('takes as much memory as its characters do', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const ids: string[] = Array.from({ length: 20_000 }, () => '');
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < ids.length; i++) ids[i] = newLogicalId();
  collect();
  const each = (process.memoryUsage().heapUsed - before) / ids.length;
  assert.ok(each < 120, `${each} bytes`);
});

test.run();
