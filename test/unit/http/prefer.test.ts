import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parsePrefer, preferences } from '../../../fhir/http/negotiation.ts';

test('reads several preferences, quotes, case and semicolons', () => {
  assert.equal(Object.fromEntries(preferences('Return="minimal" , handling = LENIENT; x="a, \\"b\\"",respond-async')), {
    return: 'minimal',
    handling: 'LENIENT',
    x: 'a, "b"',
    'respond-async': '',
  });
});

test('knows what a write shall answer with, and whether unknown parameters are left out', () => {
  const { return: shown, lenient } = parsePrefer('handling=lenient, return=operationoutcome');
  assert.equal([shown, lenient], ['OperationOutcome', true]);
  assert.is(parsePrefer('return=minimal, return=representation').return, 'minimal', 'the first counts');
  assert.is(parsePrefer('return=everything').return, undefined);
  assert.is(parsePrefer('x="return=minimal"').return, undefined, 'within quotes');
  assert.is(parsePrefer('handling=strict').lenient, false);
  assert.is(parsePrefer(undefined).lenient, false);
});

test.run();
