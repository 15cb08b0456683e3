import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { normalise } from '../../../fhir/search/parameter/string.ts';

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

test.run();
