import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { canonicalUnit, toCanonical } from '../../../fhir/search/ucum.ts';

const canonical = (value: number, code: string): readonly [number, string] => {
  const unit = canonicalUnit(code)!;
  return [toCanonical(value, unit), unit.unit];
};

test('the same amount in two units is the same number of the same unit', () => {
  const pairs: readonly (readonly [number, string, number, string])[] = [
    [5.4, 'mg', 0.0054, 'g'],
    [1, 'kg', 1000, 'g'],
    [120, 'mm[Hg]', 120 * 0.133322, 'kPa'],
    [37, 'Cel', 98.6, '[degF]'],
    [1, 'h', 3600, 's'],
    [72, '{beats}/min', 72, '/min'],
    [4.5, '10*9/L', 4500, '/uL'],
    [90, 'mg/dL', 0.9, 'g/L'],
  ];
  for (const [a, from, b, to] of pairs) assert.equal(canonical(a, from), canonical(b, to), `${a} ${from}, ${b} ${to}`);
});

test('what measures something else is another unit', () => {
  assert.is.not(canonicalUnit('mg')!.unit, canonicalUnit('mL')!.unit);
  assert.is.not(canonicalUnit('[iU]')!.unit, canonicalUnit('1')!.unit);
  assert.is.not(canonicalUnit('[pH]')!.unit, canonicalUnit('mol/L')!.unit);
});

test('what is no unit has none', () => {
  for (const code of ['', 'beats', 'foo]', '[[[', 'm.'.repeat(200)]) assert.is(canonicalUnit(code), undefined, code);
});

test.run();
