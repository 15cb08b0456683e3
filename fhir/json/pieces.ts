/** A JSON object taken apart at one array, so that what is very long is read piece by piece and never all at once. */
import type { Bytes } from './bytes.ts';
import type { Span } from './text.ts';

export interface Pieces {
  /** The text with the array empty. */
  readonly frame: string;
  /** Where the elements lie, in bytes; none without the array. */
  readonly elements: readonly Span[];
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const NOTHING: Uint8Array = new Uint8Array(0);

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9;

/**
 * The pieces of an object's bytes at its member `name`. They are strict JSON together just when each of them is; undefined where it
 * can be seen already that they aren't. Bytes that mean something to JSON are never part of another character in UTF-8.
 */
export const piecesOf = (bytes: Bytes, name: string): Pieces | undefined => {
  const { length } = bytes;
  let block = NOTHING;
  let blockStart = 0;
  const at = (place: number): number | undefined => {
    // One that was given back, since bytes before it were asked for again (a name across two blocks), has no length any more.
    if (place - blockStart >= block.length && place < length) ({ bytes: block, start: blockStart } = bytes.blockAt(place));
    return block[place - blockStart];
  };
  // The mark of byte order that some put before a text.
  let i = at(0) === 0xef && at(1) === 0xbb && at(2) === 0xbf ? 3 : 0;
  const from = i;
  const skipSpace = (): void => {
    while (isSpace(at(i))) i++;
  };
  const skipString = (): void => {
    i++;
    while (at(i) !== undefined) {
      // Most of a text is inside its strings: without a call for each of their bytes.
      const { length: end } = block;
      let k = i - blockStart;
      while (k < end && block[k] !== QUOTE && block[k] !== BACKSLASH) k++;
      i = blockStart + k;
      if (k === end) continue; // in the next block
      if (block[k] === QUOTE) break;
      i += 2;
    }
    i++;
  };
  const skipValue = (): void => {
    let depth = 0;
    do {
      const byte = at(i);
      if (byte === QUOTE) skipString();
      else {
        if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
        else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
        i++;
      }
    } while (i < length && (depth > 0 || !isEnd(at(i))));
  };
  /** After a value: true where a comma says that there are more, undefined where neither that nor `close` is there. */
  const isMore = (close: number): boolean | undefined => {
    skipSpace();
    const byte = at(i++);
    return byte === COMMA ? true : byte === close ? false : undefined;
  };

  let array: Span | undefined;
  const elements: Span[] = [];
  skipSpace();
  if (at(i++) !== OPEN_OBJECT) return undefined;
  for (let more: boolean | undefined = true; more !== false;) {
    skipSpace();
    const start = i;
    if (at(i) !== QUOTE) break; // an empty object, or a fault that the frame has too
    skipString();
    const isArray = nameAt(bytes.between(start, i)) === name && array === undefined;
    skipSpace();
    if (at(i++) !== COLON) return undefined;
    skipSpace();
    if (isArray && at(i) === OPEN_ARRAY) {
      const opened = i++;
      skipSpace();
      if (at(i) === CLOSE_ARRAY) i++;
      else {
        for (let another: boolean | undefined = true; another === true;) {
          skipSpace();
          const element = i;
          skipValue();
          elements.push({ start: element, end: i });
          another = isMore(CLOSE_ARRAY);
          if (another === undefined) return undefined;
        }
      }
      array = { start: opened, end: i };
    } else skipValue();
    more = isMore(CLOSE_OBJECT);
    if (more === undefined) return undefined;
  }
  try {
    const [before, after] = array === undefined ? [length, length] : [array.start, array.end];
    const inside = array === undefined ? '' : '[]';
    return { frame: UTF8.decode(bytes.between(from, before)) + inside + UTF8.decode(bytes.between(after, length)), elements };
  } catch {
    return undefined;
  }
};

const isEnd = (byte: number | undefined): boolean => byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isSpace(byte);

const nameAt = (quoted: Uint8Array): unknown => {
  try {
    return JSON.parse(UTF8.decode(quoted));
  } catch {
    return undefined; // the frame has the same fault
  }
};
