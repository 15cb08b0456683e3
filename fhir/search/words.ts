/** The words of a resource that a person may read: what _content and _text look for. */
import { fold, isPlain } from './parameter/string.ts';

const WORD = /[\p{L}\p{N}]+/gu;
const BETWEEN_PLAIN_WORDS = /[^a-z0-9]+/;
const MAX_WORDS = 5000;
const MAX_LETTERS = 60;
const TAGS = /<[^>]*>|&[a-z0-9#]{1,10};/gi;
/** Members whose texts are made for machines. */
const SKIPPED = new Set(['resourceType', 'id', 'meta', 'reference', 'system', 'url', 'data', 'contentType', 'language']);
// No letter (a date, a number) or no word (an address, a hash).
const LETTERS = /[a-z]|\p{L}/iu;
const ADDRESS = /^[a-z][a-z0-9+.-]*:\S+$/i;

const addWords = (text: string, into: Set<string>): void => {
  const folded = fold(text);
  // Plain texts are almost all there are, and splitting them costs a third of matching.
  for (const word of isPlain(text) ? folded.split(BETWEEN_PLAIN_WORDS) : (folded.match(WORD) ?? [])) {
    if (into.size >= MAX_WORDS) return;
    if (word !== '' && word.length <= MAX_LETTERS) into.add(word);
  }
};

/** The distinct words of a text, without case and accents. */
export const wordsOf = (text: string): string[] => {
  const found = new Set<string>();
  addWords(text, found);
  return [...found];
};

const walk = (value: unknown, into: Set<string>): void => {
  if (typeof value === 'string') {
    if (LETTERS.test(value) && !(value.includes(':') && ADDRESS.test(value))) addWords(value, into);
  } else if (Array.isArray(value)) for (const each of value) walk(each, into);
  else if (typeof value === 'object' && value !== null)
    for (const name in value) {
      const member = (value as Readonly<Record<string, unknown>>)[name];
      if (name === 'div' && typeof member === 'string') addWords(member.replaceAll(TAGS, ' '), into);
      else if (!SKIPPED.has(name)) walk(member, into);
    }
};

/** The words of a resource and those of its narrative alone, each with spaces between them; undefined where there are none. */
export const resourceWords = (resource: Readonly<Record<string, unknown>>): { content: string; narrative: string | null } | undefined => {
  const { text, ...rest } = resource;
  const div = (text as { div?: unknown } | undefined)?.div;
  const narrative = new Set<string>();
  if (typeof div === 'string') addWords(div.replaceAll(TAGS, ' '), narrative);
  const content = new Set(narrative);
  walk(rest, content);
  if (content.size === 0) return undefined;
  return { content: [...content].join(' '), narrative: narrative.size === 0 ? null : [...narrative].join(' ') };
};
