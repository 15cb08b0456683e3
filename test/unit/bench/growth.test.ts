import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { growthText, type Sample } from '../../bench/growth.ts';

const sample = (minutes: number, mb: number): Sample => ({
  minutes,
  parts: { fhir: { mb, peakMb: mb + 5, files: 40 + minutes } },
  connections: 12,
  unsealed: 3 * minutes,
});

test('the end is told beside what there was after a third of the time, when caches are filled', () => {
  const text = growthText(Array.from({ length: 9 }, (_, i) => sample(i + 1, 100 + 10 * i)));
  assert.match(text, /After 4 and 9 minutes/);
  assert.match(text, /fhir +130 → 180 MB \(the process itself at most 185\), 44 → 49 open files/);
  assert.match(text, /12 → 12 connections, 12 → 27 events not sealed yet/);
});

test('one minute alone is told too', () => {
  assert.match(growthText([sample(1, 100)]), /100 → 100 MB/);
});

test.run();
