import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Span } from '../json/text.ts';

const NEWLINE = 10;
/** Longer than any line's head that names it. */
const HEAD_BYTES = 512;

/**
 * Finds a line of a data file by what its head says; undefined where `keyOf` has named none so. The file is read for its heads on first
 * use, and a line again each time: kept in memory, R4's terminology takes 11 MB, of which little is ever asked for.
 */
export const openLineFile = (file: URL, keyOf: (head: string) => string | undefined): ((key: string) => string | undefined) => {
  let places: Map<string, Span> | undefined;
  const readPlaces = (): Map<string, Span> => {
    const found = new Map<string, Span>();
    const bytes = readFileSync(file);
    for (let start = 0; start < bytes.length;) {
      const newline = bytes.indexOf(NEWLINE, start);
      const end = newline === -1 ? bytes.length : newline;
      const key = keyOf(bytes.toString('utf8', start, Math.min(end, start + HEAD_BYTES)));
      if (key !== undefined) found.set(key, { start, end });
      start = end + 1;
    }
    return found;
  };
  return (key) => {
    const place = (places ??= readPlaces()).get(key);
    if (place === undefined) return undefined;
    const bytes = Buffer.alloc(place.end - place.start);
    const descriptor = openSync(file, 'r');
    try {
      readSync(descriptor, bytes, 0, bytes.length, place.start);
    } finally {
      closeSync(descriptor);
    }
    return bytes.toString('utf8');
  };
};
