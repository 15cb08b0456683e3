import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { onTheWire } from '../../../fhir/presentation/present.ts';

const sent = async (body: string, acceptEncoding: string): Promise<{ coding: string | undefined; pieces: number; bytes: Buffer }> => {
  const wire = await onTheWire({ status: 200, headers: {}, body }, { method: 'GET', acceptEncoding });
  const pieces: Uint8Array[] = [];
  for await (const piece of new Response(wire.body).body!) pieces.push(piece);
  return { coding: wire.headers['content-encoding'], pieces: pieces.length, bytes: Buffer.concat(pieces) };
};

test('a large text goes in parts, and arrives as it was wherever they end', async () => {
  // Pairs at even places and at odd ones: a part can end in none.
  for (const before of ['', 'x']) {
    const body = `${before}${'😀'.repeat(700_000)}`;
    const { pieces, bytes, coding } = await sent(body, '');
    assert.is(coding, undefined);
    assert.ok(pieces > 5, `${pieces}`);
    assert.ok(bytes.equals(Buffer.from(body)));
  }
});

test('a large text is compressed as it goes', async () => {
  const body = 'größer '.repeat(300_000);
  for (const [accepted, unpack] of [
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ] as const) {
    const { coding, bytes } = await sent(body, accepted);
    assert.is(coding, accepted);
    assert.ok(bytes.length < 100_000);
    assert.is(unpack(bytes).toString(), body);
  }
});

test('what is not large goes in one piece', async () => {
  assert.is((await sent('x'.repeat(1 << 20), '')).pieces, 1);
});

test.run();
