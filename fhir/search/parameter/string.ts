/** Source: http://hl7.org/fhir/R4/search.html#string */
import { FhirError } from '../../http/outcome.ts';
import { unescapeValue } from './escape.ts';
import { COMPARED, compareLong, isAll, isFirst, isLast } from './long-text.ts';
import type { ParameterType, SqlValues } from './parameter.ts';

const MAX_LENGTH = 80;
const MARKS = /\p{M}+/gu;
// oxlint-disable-next-line no-control-regex -- everything but ASCII needs the slow way
const PLAIN = /^[\x00-\x7f]*$/;
/** Letters that people write without their strokes, and that Unicode doesn't take apart. */
const FOLDED: Readonly<Record<string, string>> = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ð: 'd', ł: 'l', þ: 'th', ı: 'i', ħ: 'h' };
const FOLDABLE = /[ßæœøđðłþıħ]/g;

export const isPlain = (text: string): boolean => PLAIN.test(text);

/** A text without case and accents. */
export const fold = (text: string): string =>
  isPlain(text)
    ? text.toLowerCase()
    : text
        .normalize('NFKD')
        .replaceAll(MARKS, '')
        .toLowerCase()
        .replaceAll(FOLDABLE, (letter) => FOLDED[letter]!);

const normaliseWhole = (text: string): string => fold(text).replaceAll(/\s+/g, ' ').trim();

/** One form for texts that a search takes for the same: no case, no accents, single spaces. */
export const normalise = (text: string): string => normaliseWhole(text.slice(0, MAX_LENGTH * 2)).slice(0, MAX_LENGTH);

/** Throws FhirError `value` for what is longer than the texts that it would be compared with. */
export const requireShort = (text: string, name: string): void => {
  if (normaliseWhole(text).length > MAX_LENGTH)
    throw new FhirError('value', `${name} looks for ${MAX_LENGTH} characters at most`, { expression: `http.${name}` });
};

/** What an entry of a B-tree surely holds, whatever the characters. */
const MAX_PIECE = 600;

const LENGTH = { beginning: MAX_LENGTH, piece: MAX_PIECE };

/** What the first piece of a text would be. */
const pieceOf = (text: string): string => normaliseWhole(text).slice(0, MAX_PIECE).toWellFormed();

/** A long text in pieces, so that any MAX_LENGTH characters of it are in one of them. */
const piecesOf = (whole: string): string[] => {
  const pieces: string[] = [];
  for (let start = 0; start === 0 || start + MAX_LENGTH < whole.length; start += MAX_PIECE - MAX_LENGTH)
    pieces.push(whole.slice(start, start + MAX_PIECE).toWellFormed());
  return pieces;
};

/** SQL for a t.value in the collation C: what begins with a text lies between it and the text with the highest character behind. */
export const startsWith = (text: string, value: SqlValues['value']): string =>
  `t.value >= ${value(text)} and t.value < ${value(`${text}\u{10ffff}`)}`;

/** A text, with both forms of a sigma at its end: there it is lower case as at the end of a word, which may go on in what is stored. */
const endings = (text: string): string[] => (/[σς]$/.test(text) ? ['σ', 'ς'].map((end) => text.slice(0, -1) + end) : [text]);

const anyEnding = (text: string, sql: (text: string) => string): string => {
  const [only, ...others] = endings(text).map(sql);
  return others.length === 0 ? only! : `(${[only, ...others].map((each) => `(${each})`).join(' or ')})`;
};

/** The same for a normalised text, whatever follows it. */
export const beginsWith = (text: string, value: SqlValues['value']): string => anyEnding(text, (each) => startsWith(each, value));

const PARTS: Readonly<Record<string, readonly string[]>> = {
  HumanName: ['family', 'given', 'prefix', 'suffix', 'text'],
  Address: ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'],
};

const DATATYPES: ReadonlySet<string> = new Set([
  'string',
  'markdown',
  'code',
  'uri',
  'id',
  'HumanName',
  'Address',
  'Annotation',
  'CodeableConcept',
]);

export const string: ParameterType = {
  table: 'string',
  datatypes: DATATYPES,
  modifiers: ['missing', 'exact', 'contains', 'text'],
  parts: (fhirType) => PARTS[fhirType] ?? [],
  lanes: (fhirType) => (DATATYPES.has(fhirType) ? { whole: 'string' } : {}),
  extract: (value, fhirType, add, addTo) => {
    const text = fhirType === 'Annotation' || fhirType === 'CodeableConcept' ? (value as { text?: unknown }).text : value;
    if (typeof text !== 'string' || text === '') return;
    const beginning = normalise(text);
    add(beginning, text);
    if (beginning.length < MAX_LENGTH && text.length <= MAX_LENGTH) return;
    const whole = normaliseWhole(text);
    if (whole.length > MAX_LENGTH) for (const piece of piecesOf(whole)) addTo('whole', piece, '');
  },
  condition: (written, context) => {
    const { name, modifier, value } = context;
    const text = unescapeValue(written);
    const only = (sql: string): readonly { sql: string }[] => [{ sql }];
    if (modifier === 'exact') return only(`t.exact = hashtextextended(${value(text)}, 0)`);
    const wanted = normalise(text);
    if (wanted === '') throw new FhirError('value', `${name} has a value without a letter`, { expression: `http.${name}` });
    switch (modifier) {
      case 'contains': {
        requireShort(text, name);
        const sql = anyEnding(wanted, (each) => `position(${value(each)} in t.value) > 0`);
        return [{ sql }, { lane: 'whole', sql }];
      }
      // These are the operators of _filter. Of texts the order is that of their code points (collation C).
      case 'eq':
      case 'ne':
      case 'gt':
      case 'lt':
      case 'ge':
      case 'le': {
        const piece = pieceOf(text);
        // The pieces have an index of their own.
        if (modifier === 'eq' && piece.length > MAX_LENGTH)
          return [{ lane: 'whole', sql: `t.value = ${value(piece)} and ${isFirst(context)}` }];
        if (wanted.length < MAX_LENGTH) return only(`t.value ${COMPARED[modifier]} ${value(wanted)}`);
        return only(compareLong(modifier, { beginning: wanted, piece }, context));
      }
      case 'ends': {
        requireShort(text, name);
        const sql = `right(t.value, ${[...wanted].length}) = ${value(wanted)}`;
        return [{ sql: `${sql} and ${isAll(context, LENGTH)}` }, { lane: 'whole', sql: `${sql} and ${isLast(context, LENGTH)}` }];
      }
      // Words that begin like those that are asked for, wherever they stand.
      case 'text':
        return only(
          wanted
            .split(' ')
            .map((word) => `position(${value(` ${word}`)} in ' ' || t.value) > 0`)
            .join(' and '),
        );
      default: {
        const piece = pieceOf(text);
        // More than its beginning is asked for, which the pieces of long texts hold.
        if (piece.length > MAX_LENGTH) return [{ lane: 'whole', sql: `${beginsWith(piece, value)} and ${isFirst(context)}` }];
        return only(beginsWith(wanted, value));
      }
    }
  },
};
