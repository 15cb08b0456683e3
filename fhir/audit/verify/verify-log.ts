import { segmentPath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import type { SignedCheckpoint } from '../checkpoint.ts';
import { leafHash } from '../merkle.ts';
import type { SigningKey } from '../signing-key.ts';
import { readHistory } from './checkpoints.ts';
import { comesAfter, type LineHead, parseLineHead } from './event-order.ts';
import { listSegments, readSegment } from './segments.ts';
import { createTreeCheck } from './tree-check.ts';
import { createVersionCheck } from './versions.ts';

export interface Verification {
  readonly events: number;
  readonly segments: number;
  readonly resources: number;
  readonly checkpoints: number;
  /** The one that covers most. */
  readonly newest: SignedCheckpoint | undefined;
  /** Each is reason enough not to trust the log. */
  readonly problems: readonly string[];
  /** Worth knowing, and no contradiction. */
  readonly notes: readonly string[];
}

export interface VerifyOptions {
  readonly bucket: ReadableBucket;
  readonly key: SigningKey;
  /** Checkpoints of this log that were kept elsewhere: the log must contain what they cover. */
  readonly kept?: readonly SignedCheckpoint[];
  /** Sees each event's line, in order, up to the first that can't be read. */
  readonly onLine?: (line: string, head: LineHead) => void;
}

const MAX_PROBLEMS = 100;
/** A version's event may be sealed so long before its predecessor's (see versions.ts). */
const REORDERING_MS = 60_000;

/** Reads a whole log and holds it against what was signed; trusts nothing but the key. */
export const verifyLog = ({ bucket, key, kept = [], onLine }: VerifyOptions): Verification => {
  const history = readHistory(bucket, key);
  const listed = listSegments(bucket);
  const problems = [...history.problems, ...listed.problems];
  const notes = [...history.notes];
  const newest = history.checkpoints.at(-1);
  const signed = newest?.size ?? 0;
  const checkpoints = [...history.checkpoints, ...kept].sort((a, b) => a.size - b.size);
  const tree = createTreeCheck(bucket, checkpoints);
  const versions = createVersionCheck();

  const checkSegment = (first: number, count: number): void => {
    const path = segmentPath({ first, count });
    const { bytes, ends } = readSegment(bucket, { first, count });
    const text = bytes.toString('latin1');
    let start = 0;
    for (const [i, end] of ends.entries()) {
      const line = text.slice(start, end);
      const head = parseLineHead(line);
      if (head === undefined || head.index !== first + i)
        problems.push(`${path}: line ${i + 1} does not say that it is event ${first + i}`);
      else {
        if (before !== undefined && !comesAfter(before, head)) problems.push(`event ${head.index} is not in the order of transactions`);
        before = head;
        const twice = versions.add(line, head.recorded);
        if (twice !== undefined) problems.push(`event ${head.index}: ${twice}`);
        onLine?.(line, head);
      }
      problems.push(...tree.add(leafHash(bytes.subarray(start, end))));
      start = end + 1;
    }
  };

  let before: LineHead | undefined;
  let unsigned = 0;
  for (const { first, count } of listed.segments) {
    if (first >= signed) unsigned += count;
    // After a hole nothing has its place in the tree any more.
    else if (first !== tree.size() || problems.length > MAX_PROBLEMS) break;
    else {
      try {
        checkSegment(first, count);
      } catch (error) {
        problems.push((error as Error).message);
        break;
      }
    }
  }
  if (newest === undefined) problems.push('no checkpoint of this key: nothing here is signed');
  if (unsigned > 0) notes.push(`${unsigned} more events lie there and aren't signed yet`);
  if (tree.size() === signed) problems.push(...tree.finish());
  else if (listed.segments.reduce((sum, { count }) => sum + count, 0) < signed && listed.problems.length === 0) {
    problems.push(`the log was cut: the events ${tree.size()} to ${signed - 1} were signed at ${newest!.time} and are gone`);
  }
  for (const { size, time } of kept) {
    if (size > signed)
      problems.push(`the log was cut: a checkpoint kept elsewhere says that it had ${size} events at ${time}, now it has ${signed}`);
  }
  if (tree.size() === signed) {
    for (const { resource, missing, later, recorded } of versions.gaps()) {
      const text = `version ${missing} of ${resource} has no event, version ${later} has one`;
      if (Date.parse(newest!.time) - Date.parse(recorded) > REORDERING_MS) problems.push(text);
      else notes.push(`${text}: it may be sealed within the next minute`);
    }
  }
  return {
    events: tree.size(),
    segments: listed.segments.length,
    resources: versions.resources(),
    checkpoints: history.checkpoints.length,
    newest,
    problems,
    notes,
  };
};
