import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createShelf, type Shelved } from '../../../fhir/interaction/answer-shelf.ts';
import { shelvedBundle } from '../../../fhir/interaction/response-bundle.ts';

const BODY = 'x\u00e9\u{1F600}'.repeat(300);
const answers = (count: number, name: string): string[] => Array.from({ length: count }, (_, i) => JSON.stringify({ name, i, body: BODY }));

const shelved = async (texts: readonly string[]): Promise<Shelved> => {
  const shelf = createShelf();
  // Not one after the other, as the entries of a batch are answered.
  await Promise.all(texts.map((text) => shelf.add(text)));
  return shelf.end();
};

test('answers come in the order of the entries, as one text where they are few and in parts where they are many', async () => {
  for (const [writes, reads] of [
    [0, 0],
    [3, 0],
    [3, 2],
    [3000, 0],
    [3000, 3],
    [3000, 3000],
  ] as const) {
    const [written, read] = [answers(writes, 'w'), answers(reads, 'r')];
    const [first, second] = [await shelved(written), await shelved(read)];
    assert.is(first.isPacked, writes === 3000);
    const expected: string[] = [];
    const entries: Shelved[] = [];
    for (let i = 0; i < Math.max(writes, reads); i++) {
      for (const [own, shelf] of [
        [written, first],
        [read, second],
      ] as const) {
        if (i >= own.length) continue;
        expected.push(own[i]!);
        entries.push(shelf);
      }
    }
    const { body, parts } = shelvedBundle('batch-response', entries);
    assert.is(body === null, writes === 3000);
    const text = body ?? Buffer.concat([...parts!()]).toString();
    const bundle = JSON.parse(text) as { readonly type: string; readonly entry?: readonly unknown[] };
    assert.is(bundle.type, 'batch-response');
    assert.equal(bundle.entry?.map((each) => JSON.stringify(each)) ?? [], expected);
  }
});

test('parts are long, however the entries are mixed', async () => {
  const [first, second] = [await shelved(answers(3000, 'w')), await shelved(answers(3000, 'r'))];
  const { parts } = shelvedBundle(
    'batch-response',
    Array.from({ length: 6000 }, (_, i) => (i % 2 === 0 ? first : second)),
  );
  const lengths = Array.from(parts!(), ({ length }) => length);
  assert.ok(
    lengths.slice(0, -1).every((length) => length >= 32 << 10),
    String(Math.min(...lengths)),
  );
});

test('many answers are kept in a tenth of their memory', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What zlib holds is let go some turns after it has answered.
  const used = async (): Promise<number> => {
    let least = Infinity;
    for (let i = 0; i < 8; i++) {
      await sleep(10);
      collect();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      least = Math.min(least, heapUsed + arrayBuffers);
    }
    return least;
  };
  const shelf = createShelf();
  const before = await used();
  for (let i = 0; i < 10_000; i++) await shelf.add(JSON.stringify({ i, body: BODY }));
  const held = ((await used()) - before) / 10_000;
  assert.ok(held < 0.2 * Buffer.byteLength(BODY), `${held} bytes`);
  assert.ok((await shelf.end()).isPacked);
});

test.run();
