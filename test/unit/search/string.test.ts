import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { normalise, string } from '../../../fhir/search/parameter/string.ts';

test('texts are the same without case, accents, strokes and double spaces', () => {
  for (const [a, b] of [
    ['Straße', 'STRASSE'],
    ['Müller', 'Mu\u0308ller'],
    ['Łęcki', 'lecki'],
    ['Bjørn  Ærø', 'bjorn aero'],
    ['İstanbul', 'istanbul'],
    ['ﬁnch', 'finch'],
  ])
    assert.is(normalise(a!), normalise(b!));
});

test('any 80 characters of a long text are in one of its pieces', () => {
  for (const length of [81, 600, 601, 680, 681, 1120, 1121, 5000]) {
    // No two stretches of it are the same.
    const text = Array.from({ length }, (_, i) => i)
      .join('-')
      .slice(0, length);
    const pieces: string[] = [];
    const add = (lane: string, piece: unknown): void => void (lane === 'whole' && pieces.push(piece as string));
    string.extract(text, 'string', () => undefined, add);
    for (let i = 0; i + 80 <= length; i++) {
      const wanted = text.slice(i, i + 80);
      assert.ok(
        pieces.some((piece) => piece.includes(wanted)),
        `${length} at ${i}`,
      );
    }
  }
});

test('a short text has no pieces, and one that grows when it is folded has', () => {
  const lanes = (text: string): number => {
    let count = 0;
    string.extract(
      text,
      'string',
      () => undefined,
      () => count++,
    );
    return count;
  };
  assert.is(lanes('a'.repeat(80)), 0);
  assert.is(lanes('a'.repeat(81)), 1);
  assert.is(lanes('\ufdfa'.repeat(20)), 1);
});

test.run();
