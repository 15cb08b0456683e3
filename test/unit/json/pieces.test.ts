import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Bytes, inOnePiece } from '../../../fhir/json/bytes.ts';
import { piecesOf } from '../../../fhir/json/pieces.ts';
import { parseJson } from '../../../fhir/json/strict.ts';

/** The same bytes in blocks of three. */
const inBlocks = (bytes: Buffer): Bytes => ({
  ...inOnePiece(bytes),
  blockAt: (place) => {
    const start = place - (place % 3);
    return { bytes: bytes.subarray(start, start + 3), start };
  },
});

/** What the pieces say together; undefined where one of them is no strict JSON. */
const together = (text: string): unknown => {
  const bytes = Buffer.from(text);
  const pieces = piecesOf(inOnePiece(bytes), 'entry');
  assert.equal(piecesOf(inBlocks(bytes), 'entry'), pieces, text);
  if (pieces === undefined) return undefined;
  try {
    const frame = parseJson(pieces.frame) as Record<string, unknown>;
    const entry = pieces.elements.map(({ start, end }) => parseJson(bytes.toString('utf8', start, end)));
    return 'entry' in frame && Array.isArray(frame['entry']) ? { ...frame, entry } : frame;
  } catch {
    return undefined;
  }
};
const whole = (text: string): unknown => {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
};

const TEXTS: readonly string[] = [
  '{}',
  ' {"entry":[]} ',
  '{"a":1,"entry":[{"b":"é\\"]}"},[1,[2]],"x",3 , null],"c":{"entry":[9]}}',
  '{"\\u0065ntry":[1,2]}',
  '{"entry":{"a":[1]}}',
  '{"entry":"[1]"}',
  '{"b":[{}],"entry":[\n\t{ }\r\n,{}]\n}',
];

test('the pieces say what the whole says', () => {
  for (const text of TEXTS) assert.equal(together(text), whole(text), text);
});

test('where a byte is missing or is another one, the pieces are at fault just where the whole is', () => {
  let faults = 0;
  for (const text of TEXTS) {
    for (let i = 0; i < text.length; i++) {
      for (const put of ['', ',', '}', ']', '{', '[', '"', ':', '\\', ' ', '1']) {
        const changed = text.slice(0, i) + put + text.slice(i + 1);
        const expected = whole(changed);
        if (expected === undefined) faults++;
        // What is no object has no pieces.
        if (expected === undefined || (typeof expected === 'object' && expected !== null && !Array.isArray(expected)))
          assert.equal(together(changed), expected, changed);
      }
    }
  }
  assert.ok(faults > 500, String(faults));
});

test('a mark of byte order before the text is left out', () => {
  assert.equal(piecesOf(inOnePiece(Buffer.from('\uFEFF{"entry":[1]}')), 'entry'), {
    frame: '{"entry":[]}',
    elements: [{ start: 13, end: 14 }],
  });
});

test('the member twice is a fault, and so is a text that goes on', () => {
  assert.is(together('{"entry":[1],"entry":[2]}'), undefined);
  assert.is(together('{"entry":[1]} {}'), undefined);
});

test.run();
