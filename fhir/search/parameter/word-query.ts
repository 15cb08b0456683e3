/**
 * What may be written to look for words: `(bone OR liver) AND metastases`, with NOT before a word or a group. Between words without an operator
 * stands an AND. Source: http://hl7.org/fhir/R4/search.html#content
 */
import { FhirError } from '../../http/outcome.ts';
import { wordsOf } from '../words.ts';

const MAX_WORDS = 50;
const MAX_DEPTH = 20;
/** A group's ends, a phrase (whose words are looked for, wherever they stand), or what lies between spaces. */
const TOKENS = /[()]|"[^"]*"|[^\s()"]+/g;

interface Reader {
  readonly tokens: readonly string[];
  readonly name: string;
  at: number;
  /** Those that are looked for. */
  readonly words: Set<string>;
}

/** A text of PostgreSQL's type tsquery, each of its words a beginning; undefined where no word is in it. Throws FhirError `too-costly`. */
export const wordQuery = (text: string, name: string): string | undefined => {
  const reader: Reader = { tokens: text.match(TOKENS) ?? [], name, at: 0, words: new Set() };
  const found: string[] = [];
  while (reader.at < reader.tokens.length) {
    const part = either(reader, 0);
    if (part !== undefined) found.push(part);
    reader.at++; // an end of a group that never began
  }
  return joined(found, '&');
};

const isOperator = (token: string | undefined, operator: 'and' | 'or'): boolean => token?.toLowerCase() === operator;

/** Each part once. */
const joined = (parts: readonly string[], operator: '&' | '|'): string | undefined => {
  const [first, ...others] = new Set(parts);
  return others.length === 0 ? first : `(${[first, ...others].join(` ${operator} `)})`;
};

const either = (reader: Reader, depth: number): string | undefined => {
  const parts: string[] = [];
  for (;;) {
    const part = all(reader, depth);
    if (part !== undefined) parts.push(part);
    if (!isOperator(reader.tokens[reader.at], 'or')) return joined(parts, '|');
    reader.at++;
  }
};

const all = (reader: Reader, depth: number): string | undefined => {
  const parts: string[] = [];
  for (let token = reader.tokens[reader.at]; token !== undefined; token = reader.tokens[reader.at]) {
    if (token === ')' || isOperator(token, 'or')) break;
    reader.at++;
    if (isOperator(token, 'and')) continue;
    const part = one(reader, token, depth);
    if (part !== undefined) parts.push(part);
  }
  return joined(parts, '&');
};

/** What begins with a token that has been taken. */
const one = (reader: Reader, token: string, depth: number): string | undefined => {
  if (depth >= MAX_DEPTH) throw tooMuch(reader, `groups in more than ${MAX_DEPTH} groups`);
  if (token === '(') {
    const group = either(reader, depth + 1);
    reader.at++; // its end, if it has one
    return group;
  }
  // In capitals only: texts that have the word are looked for as they are written.
  const next = reader.tokens[reader.at];
  if (token === 'NOT' && next !== undefined && next !== ')') {
    reader.at++;
    const negated = one(reader, next, depth + 1);
    return negated === undefined ? undefined : `!${negated}`;
  }
  const words = wordsOf(token);
  for (const word of words) reader.words.add(word);
  if (reader.words.size > MAX_WORDS) throw tooMuch(reader, `more than ${MAX_WORDS} words`);
  // Letters and digits only, so that the quotes hold.
  return joined(
    words.map((word) => `'${word}':*`),
    '&',
  );
};

const tooMuch = ({ name }: Reader, what: string): FhirError =>
  new FhirError('too-costly', `${name} looks for ${what}: ask for less`, { expression: `http.${name}` });
