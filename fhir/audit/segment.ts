import { hash } from 'node:crypto';
import { eventLine, type StoredEvent } from './bucket-format.ts';
import { leafHash } from './merkle.ts';

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

export const segmentOf = (first: number, events: readonly StoredEvent[]): Segment => {
  const lines = events.map((event, i) => eventLine(first + i, event));
  const ndjson = Buffer.from(`${lines.join('\n')}\n`);
  return { first, count: events.length, leaves: lines.map(leafHash), ndjson, sha256: hash('sha256', ndjson, 'buffer') };
};
