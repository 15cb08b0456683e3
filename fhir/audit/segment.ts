import { createHash } from 'node:crypto';
import { eventLine, MAX_SEGMENT_EVENTS, type StoredEvent } from './bucket-format.ts';
import { HASH_BYTES, leafHash, tileHashes } from './merkle.ts';

/** What was planned for a place in the log isn't what is there: two histories exist, and nothing may be overwritten. */
export class ForkError extends Error {
  override readonly name = 'ForkError';
}

/** Consecutive events. */
export interface Segment {
  readonly first: number;
  readonly count: number;
  /** The hash of each event's line. */
  readonly leaves: readonly Buffer[];
  /** The lines in their exact bytes, each with its line feed. */
  readonly ndjson: Buffer;
  readonly sha256: Buffer;
}

/** Characters of a segment's lines; one event alone may have more. */
const MAX_CHARACTERS = 4 << 20;
/** Lines that are made bytes of together. */
const LINES_AT_ONCE = 64;

/** A segment that events are added to as they come: what is kept of them are bytes, outside of V8's heap, so that collections stay short. */
export interface SegmentDraft {
  /** Whether no other event fits. */
  readonly isFull: () => boolean;
  readonly add: (event: StoredEvent) => void;
  /** Of all that was added; nothing may be added after it. */
  readonly finish: () => Segment;
}

/** The segment of the events from `first` on. */
export const draftSegment = (first: number): SegmentDraft => {
  const sha256 = createHash('sha256');
  const parts: Buffer[] = [];
  let hashes = Buffer.alloc(256 * HASH_BYTES);
  let lines = '';
  let waiting = 0;
  let count = 0;
  let characters = 0;
  const flush = (): void => {
    const part = Buffer.from(lines);
    sha256.update(part);
    parts.push(part);
    lines = '';
    waiting = 0;
  };
  return {
    isFull: () => count === MAX_SEGMENT_EVENTS || characters >= MAX_CHARACTERS,
    add: (event) => {
      const line = eventLine(first + count, event);
      if ((count + 1) * HASH_BYTES > hashes.length) hashes = Buffer.concat([hashes], 2 * hashes.length);
      leafHash(line).copy(hashes, count * HASH_BYTES);
      count++;
      characters += line.length + 1;
      lines += `${line}\n`;
      if (++waiting === LINES_AT_ONCE) flush();
    },
    finish: () => {
      flush();
      const leaves = tileHashes(hashes.subarray(0, count * HASH_BYTES));
      return { first, count, leaves, ndjson: Buffer.concat(parts), sha256: sha256.digest() };
    },
  };
};
