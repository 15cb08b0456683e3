import { randomBytes } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { piecesOf } from '../../../fhir/json/pieces.ts';
import { createPacker } from '../../../fhir/http/packed-bytes.ts';

const BLOCK = 256 << 10;
const BYTES = Buffer.concat([randomBytes(300_000), Buffer.alloc(600_000, 'abc'), randomBytes(1)]);

test('gives back every part as it was, in whatever chunks it came', async () => {
  for (const chunk of [1000, 70_000, BLOCK, 10 * BLOCK]) {
    const packer = createPacker();
    for (let at = 0; at < BYTES.length; at += chunk) await packer.add(BYTES.subarray(at, at + chunk));
    const packed = await packer.end();
    assert.is(packed.length, BYTES.length);
    for (const [start, end] of [
      [0, 10],
      [BLOCK - 5, BLOCK + 5],
      [0, BYTES.length],
      [BLOCK, 2 * BLOCK],
      [BYTES.length - 1, BYTES.length],
      [7, 7],
    ] as const) {
      assert.ok(Buffer.from(packed.between(start, end)).equals(BYTES.subarray(start, end)), `${start} to ${end}`);
    }
    for (const place of [0, BLOCK - 1, BLOCK, BYTES.length - 1]) {
      const { bytes, start } = packed.blockAt(place);
      assert.is(bytes[place - start], BYTES[place]);
    }
  }
});

test('tells how much less is kept than was given', async () => {
  const packer = createPacker();
  const saved = await packer.add(Buffer.alloc(4 * BLOCK, 'abc'));
  assert.ok(saved > 3.9 * BLOCK && saved < 4 * BLOCK, String(saved));
  assert.is(await packer.add(Buffer.alloc(10)), 0);
});

test('what has been looked through lies unpacked no more, without a collection', async () => {
  const packer = createPacker();
  for (let i = 0; i < 80; i++) await packer.add(Buffer.alloc(BLOCK, 'abc'));
  const packed = await packer.end();
  let most = 0;
  const before = process.memoryUsage().arrayBuffers;
  for (let at = 0; at < packed.length; at += BLOCK) {
    packed.blockAt(at);
    most = Math.max(most, process.memoryUsage().arrayBuffers - before);
  }
  assert.ok(most < 4 * BLOCK, `${most} bytes`);
});

test('a Bundle is taken apart wherever the ends of blocks fall', async () => {
  for (let shift = -40; shift <= 40; shift++) {
    const long = 'x'.repeat(BLOCK + shift);
    const text = `{"resourceType":"Bundle","identifier":{"value":"${long.slice(60)}"},"entry" : [{"a":"${long}"},{"b":"é${long}"}],"type":"batch"}`;
    const packer = createPacker();
    await packer.add(Buffer.from(text));
    const bytes = await packer.end();
    const { frame, elements } = piecesOf(bytes, 'entry')!;
    const entry = elements.map(({ start, end }): unknown => JSON.parse(Buffer.from(bytes.between(start, end)).toString()));
    assert.equal({ ...(JSON.parse(frame) as object), entry }, JSON.parse(text), `${shift}`);
  }
});

test.run();
