import { hash } from 'node:crypto';
import { eventLine, type StoredEvent } from './bucket-format.ts';

/** What was planned for a place in the log isn't what is there: two histories exist, and nothing may be overwritten. */
export class ForkError extends Error {
  override readonly name = 'ForkError';
}

/** Consecutive events in their exact bytes. */
export interface Segment {
  readonly first: number;
  readonly count: number;
  /** Without line feeds. */
  readonly lines: readonly Buffer[];
  /** The lines, each with its line feed. */
  readonly ndjson: Buffer;
  readonly sha256: Buffer;
}

const LINE_FEED = Buffer.from('\n');

export const segmentOf = (first: number, events: readonly StoredEvent[]): Segment => {
  const lines = events.map((event, i) => Buffer.from(eventLine(first + i, event)));
  const ndjson = Buffer.concat(lines.flatMap((line) => [line, LINE_FEED]));
  return { first, count: events.length, lines, ndjson, sha256: hash('sha256', ndjson, 'buffer') };
};
