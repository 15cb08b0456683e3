import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wordQuery } from '../../../fhir/search/parameter/word-query.ts';

const query = (text: string): string | undefined => wordQuery(text, '_content');

test('words are all looked for, by their beginnings, without case and accents', () => {
  assert.is(query('bone'), "'bone':*");
  assert.is(query('Bone  ÉTÉ'), "('bone':* & 'ete':*)");
  assert.is(query('"peter james"'), "('peter':* & 'james':*)");
  assert.is(query(Array.from({ length: 300 }, () => 'word').join(' ')), "'word':*");
  assert.is(query("O'Brien"), "('o':* & 'brien':*)");
});

test('AND, OR, NOT and groups mean what they say', () => {
  assert.is(query('(bone OR liver) and metastases'), "(('bone':* | 'liver':*) & 'metastases':*)");
  assert.is(query('a b or c'), "(('a':* & 'b':*) | 'c':*)");
  assert.is(query('a NOT (b OR c)'), "('a':* & !('b':* | 'c':*))");
  assert.is(query('NOT NOT a'), "!!'a':*");
  assert.is(query('not a'), "('not':* & 'a':*)");
});

test('what is left open or empty is no failure', () => {
  assert.is(query('(a'), "'a':*");
  assert.is(query('a) b'), "('a':* & 'b':*)");
  assert.is(query('a OR'), "'a':*");
  assert.is(query('() a'), "'a':*");
  for (const text of ['', ' ', '()', 'and', 'OR', '-- ! & |', '((', '))']) assert.is(query(text), undefined, text);
});

test('the number of words and the depth of groups are bounded', () => {
  assert.throws(() => query(Array.from({ length: 51 }, (_, i) => `w${i}`).join(' ')), /more than 50 words/);
  assert.throws(() => query(`${'('.repeat(8000)}a`), /more than 20 groups/);
  assert.throws(() => query(`${'NOT '.repeat(4000)}a`), /more than 20 groups/);
});

test.run();
