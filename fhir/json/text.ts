/** Where the parts of a JSON text lie. The text is known to be valid (strict.ts); positions are in UTF-16 code units. */

export interface Span {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

export interface Member extends Span {
  readonly key: string;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

const skipSpace = (text: string, from: number): number => {
  let i = from;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
};

/** The position after the string whose opening quote is at `from`. */
export const skipString = (text: string, from: number): number => {
  for (let end = text.indexOf('"', from + 1); ; end = text.indexOf('"', end + 1)) {
    if (end === -1) return text.length;
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return end + 1;
  }
};

const skipValue = (text: string, from: number): number => {
  const first = text.charCodeAt(from);
  if (first === QUOTE) return skipString(text, from);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
    let depth = 0;
    for (let i = from; i < text.length;) {
      const code = text.charCodeAt(i);
      if (code === QUOTE) {
        i = skipString(text, i);
        continue;
      }
      i++;
      if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth++;
      else if ((code === CLOSE_OBJECT || code === CLOSE_ARRAY) && --depth === 0) return i;
    }
    return text.length;
  }
  let i = from;
  for (let code = first; i < text.length && code !== COMMA && code !== CLOSE_OBJECT && code !== CLOSE_ARRAY && !isSpace(code);) {
    code = text.charCodeAt(++i);
  }
  return i;
};

/** The members of the object whose brace is at `from`, each with the span of its value; none where another value is there. */
export const members = (text: string, from: number): Member[] => {
  const found: Member[] = [];
  if (text.charCodeAt(from) !== OPEN_OBJECT) return found;
  let i = skipSpace(text, from + 1);
  while (text.charCodeAt(i) === QUOTE) {
    const end = skipString(text, i);
    const raw = text.slice(i + 1, end - 1);
    const key = raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
    i = skipSpace(text, end);
    if (text.charCodeAt(i) === COLON) i = skipSpace(text, i + 1);
    const start = i;
    i = skipValue(text, start);
    found.push({ key, start, end: i });
    i = skipSpace(text, i);
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
  }
  return found;
};

/** The elements of the array whose bracket is at `from`; none where another value is there. */
export const elements = (text: string, from: number): Span[] => {
  const found: Span[] = [];
  // Elsewhere it would come upon a brace that it can't get past.
  if (text.charCodeAt(from) !== OPEN_ARRAY) return found;
  let i = skipSpace(text, from + 1);
  while (i < text.length && text.charCodeAt(i) !== CLOSE_ARRAY) {
    const start = i;
    i = skipValue(text, start);
    found.push({ start, end: i });
    i = skipSpace(text, i);
    if (text.charCodeAt(i) === COMMA) i = skipSpace(text, i + 1);
  }
  return found;
};

/** How many members all objects of the text have together, and how deep they nest. */
export const measure = (text: string): { readonly members: number; readonly depth: number } => {
  let count = 0;
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length;) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = skipString(text, i);
      continue;
    }
    i++;
    if (code === COLON) count++;
    else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      if (++depth > deepest) deepest = depth;
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) depth--;
  }
  return { members: count, depth: deepest };
};
