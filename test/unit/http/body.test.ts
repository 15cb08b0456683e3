import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createAdmission } from '../../../fhir/http/admission.ts';
import { isLarge, readBytes } from '../../../fhir/http/body.ts';

const LIMIT = 6 << 20;
const KINDS = [{ isTold: true }, { isTold: false }, { isTold: true, isZipped: true }] as const;

/** A request whose body comes in chunks of 60 kB, with its length told or not. */
const request = (
  body: Buffer,
  { isTold, isZipped = false }: { readonly isTold: boolean; readonly isZipped?: boolean },
): IncomingMessage => {
  const sent = isZipped ? gzipSync(body) : body;
  const chunks = Array.from({ length: Math.ceil(sent.length / 60_000) }, (_, i) =>
    Buffer.from(Uint8Array.from(sent.subarray(i * 60_000, (i + 1) * 60_000))),
  );
  const headers = { ...(isTold && { 'content-length': String(sent.length) }), ...(isZipped && { 'content-encoding': 'gzip' }) };
  return Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage;
};

/** Notes how many bytes the request says that it holds. */
const admission = (): { readonly hold: (bytes: number) => void; readonly turn: () => Promise<void>; held: number } => {
  const noted = {
    held: 0,
    hold: (bytes: number): void => void (noted.held += bytes),
    turn: () => Promise.resolve(),
  };
  return noted;
};

test('a Bundle is read as it was sent, packed where it is large, whether its length is told or not, zipped or not', async () => {
  for (const size of [0, 1, 70_000, 4 << 20, (4 << 20) + 1, LIMIT]) {
    const body = Buffer.alloc(size, 'a text, 1.10;');
    for (const kind of KINDS) {
      const admitted = admission();
      const bytes = await readBytes(request(body, kind), LIMIT, admitted);
      const what = `${size} ${JSON.stringify(kind)}`;
      assert.ok(body.equals(bytes.between(0, bytes.length)), what);
      assert.is(isLarge(bytes), size > 4 << 20, what);
      if (isLarge(bytes)) assert.ok(admitted.held < size / 2, `${what}: ${admitted.held} bytes are held`);
    }
  }
});

test('a Bundle above the limit is refused, whether its length is told or not, zipped or not', async () => {
  for (const kind of KINDS) {
    let status = 0;
    try {
      await readBytes(request(Buffer.alloc(LIMIT + 1), kind), LIMIT, createAdmission({ atWork: 1 << 20, present: 64 << 20 }).enter());
    } catch (error) {
      ({ status } = error as { status: number });
    }
    assert.is(status, 413, JSON.stringify(kind));
  }
});

test('what is no gzip is refused', async () => {
  const incoming = Object.assign(Readable.from([Buffer.from('{}')]), { headers: { 'content-encoding': 'gzip' } });
  let status = 0;
  try {
    await readBytes(incoming as unknown as IncomingMessage, LIMIT, admission());
  } catch (error) {
    ({ status } = error as { status: number });
  }
  assert.is(status, 400);
});

test.run();
