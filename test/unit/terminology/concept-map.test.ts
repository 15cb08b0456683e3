import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type ConceptMap,
  isTranslation,
  type MapGroup,
  translateBy,
  type TranslateQuestion,
} from '../../../fhir/terminology/concept-map.ts';

const mapOf = (...group: MapGroup[]): ConceptMap => ({ resourceType: 'ConceptMap', group });
const ask = (code: string, more: Partial<TranslateQuestion> = {}): TranslateQuestion => ({
  code: { system: 'urn:a', code },
  targetSystem: undefined,
  dependencies: [],
  reverse: false,
  ...more,
});
const codes = (map: ConceptMap, question: TranslateQuestion): (string | undefined)[] =>
  translateBy(map, question).matches.map(({ concept, equivalence }) => concept && `${concept.system}|${concept.code} ${equivalence}`);

const plain: MapGroup = {
  source: 'urn:a',
  sourceVersion: '1',
  target: 'urn:b',
  element: [
    { code: 'x', display: 'X', target: [{ code: 'y', equivalence: 'wider' }] },
    { code: 'z', target: [{ code: 'y', equivalence: 'equivalent' }] },
    { code: 'none', target: [{ equivalence: 'unmatched' }] },
  ],
};

test('a code is translated by the groups of its system and version, to the system that is wanted', () => {
  assert.equal(codes(mapOf(plain), ask('x')), ['urn:b|y wider']);
  assert.equal(codes(mapOf(plain), ask('x', { code: { system: 'urn:a', version: '2', code: 'x' } })), []);
  assert.equal(codes(mapOf(plain), ask('x', { code: { system: 'urn:c', code: 'x' } })), []);
  assert.equal(codes(mapOf(plain), ask('x', { targetSystem: 'urn:c' })), []);
  assert.equal(codes(mapOf(plain, { ...plain, target: 'urn:c' }), ask('x', { targetSystem: 'urn:c' })), ['urn:c|y wider']);
});

test('the other way round, the equivalence is the other way round too', () => {
  const reverse = ask('y', { code: { system: 'urn:b', code: 'y' }, reverse: true });
  assert.equal(codes(mapOf(plain), reverse), ['urn:a|x narrower', 'urn:a|z equivalent']);
});

test('a code that is said to have no match isn’t unmapped', () => {
  const map = mapOf({ ...plain, unmapped: { mode: 'fixed', code: 'other', display: 'Other' } });
  const { matches } = translateBy(map, ask('none'));
  assert.equal([matches.length, matches[0]!.equivalence, matches[0]!.concept], [1, 'unmatched', undefined]);
  assert.is(isTranslation(matches[0]!), false);
});

test('what isn’t mapped is a fixed code, the same code, or another map’s', () => {
  assert.equal(codes(mapOf({ ...plain, unmapped: { mode: 'fixed', code: 'other' } }), ask('new')), ['urn:b|other relatedto']);
  assert.equal(codes(mapOf({ ...plain, unmapped: { mode: 'provided' } }), ask('new')), ['urn:b|new relatedto']);
  const other = translateBy(mapOf({ ...plain, unmapped: { mode: 'other-map', url: 'urn:m' } }), ask('new'));
  assert.equal([other.matches, other.otherMaps], [[], ['urn:m']]);
  assert.equal(codes(mapOf(plain), ask('new')), []);
});

test('a match that depends on something counts where that is so, is open where nothing is said, and is gone where it isn’t', () => {
  const dependsOn = [{ property: 'urn:sex', system: 'urn:s', value: 'f' }];
  const map = mapOf({ ...plain, element: [{ code: 'x', target: [{ code: 'y', equivalence: 'equal', dependsOn }] }] });
  const having = (code: string, system = 'urn:s'): TranslateQuestion =>
    ask('x', { dependencies: [{ element: 'urn:sex', codings: [{ system, code }] }] });
  const standing = (question: TranslateQuestion): boolean[] => translateBy(map, question).matches.map(isTranslation);
  assert.equal(standing(ask('x')), [false]);
  assert.equal(standing(having('f')), [true]);
  assert.equal(standing(having('m')), []);
  assert.equal(standing(having('f', 'urn:other')), []);
});

test.run();
