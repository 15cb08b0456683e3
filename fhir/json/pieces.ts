/** A JSON object taken apart at one array, so that what is very long is read piece by piece and never all at once. */
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
const UTF8 = new TextDecoder('utf-8', { fatal: true });

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9;

/**
 * The pieces of an object's bytes at its member `name`. They are strict JSON together just when each of them is; undefined where it
 * can be seen already that they aren't. Bytes that mean something to JSON are never part of another character in UTF-8.
 */
export const piecesOf = (bytes: Uint8Array, name: string): Pieces | undefined => {
  const { length } = bytes;
  let i = 0;
  const skipSpace = (): void => {
    while (isSpace(bytes[i])) i++;
  };
  const skipString = (): void => {
    for (i++; i < length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++;
    i++;
  };
  const skipValue = (): void => {
    let depth = 0;
    do {
      const byte = bytes[i];
      if (byte === QUOTE) skipString();
      else {
        if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++;
        else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) depth--;
        i++;
      }
    } while (i < length && (depth > 0 || !isEnd(bytes, i)));
  };
  /** After a value: true where a comma says that there are more, undefined where neither that nor `close` is there. */
  const isMore = (close: number): boolean | undefined => {
    skipSpace();
    const byte = bytes[i++];
    return byte === COMMA ? true : byte === close ? false : undefined;
  };

  let array: Span | undefined;
  const elements: Span[] = [];
  skipSpace();
  if (bytes[i++] !== OPEN_OBJECT) return undefined;
  for (let more: boolean | undefined = true; more !== false;) {
    skipSpace();
    const start = i;
    if (bytes[i] !== QUOTE) break; // an empty object, or a fault that the frame has too
    skipString();
    const isArray = nameAt(bytes.subarray(start, i)) === name && array === undefined;
    skipSpace();
    if (bytes[i++] !== COLON) return undefined;
    skipSpace();
    if (isArray && bytes[i] === OPEN_ARRAY) {
      const from = i++;
      skipSpace();
      if (bytes[i] === CLOSE_ARRAY) i++;
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
      array = { start: from, end: i };
    } else skipValue();
    more = isMore(CLOSE_OBJECT);
    if (more === undefined) return undefined;
  }
  try {
    const [before, after] = array === undefined ? [length, length] : [array.start, array.end];
    const inside = array === undefined ? '' : '[]';
    return { frame: UTF8.decode(bytes.subarray(0, before)) + inside + UTF8.decode(bytes.subarray(after)), elements };
  } catch {
    return undefined;
  }
};

const isEnd = (bytes: Uint8Array, i: number): boolean => {
  const byte = bytes[i];
  return byte === COMMA || byte === CLOSE_ARRAY || byte === CLOSE_OBJECT || isSpace(byte);
};

const nameAt = (quoted: Uint8Array): unknown => {
  try {
    return JSON.parse(UTF8.decode(quoted));
  } catch {
    return undefined; // the frame has the same fault
  }
};
