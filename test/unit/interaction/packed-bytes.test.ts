import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { packBytes } from '../../../fhir/interaction/packed-bytes.ts';

test('gives back every part as it was, wherever it begins and ends', async () => {
  const bytes = Buffer.concat([randomBytes(300_000), Buffer.alloc(600_000, 'abc'), randomBytes(1)]);
  const packed = await packBytes(bytes);
  const block = 256 << 10;
  for (const [start, end] of [
    [0, 10],
    [block - 5, block + 5],
    [0, bytes.length],
    [block, 2 * block],
    [bytes.length - 1, bytes.length],
    [7, 7],
  ] as const) {
    assert.ok(Buffer.from(packed.between(start, end)).equals(bytes.subarray(start, end)), `${start} to ${end}`);
  }
});

test.run();
