import { CHECKPOINT, type SegmentName, segmentPath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import type { SignedCheckpoint } from '../checkpoint.ts';
import { inOrder } from '../../in-order.ts';
import { leafHash } from '../merkle.ts';
import type { SigningKey } from '../signing-key.ts';
import { comesAfter, type LineHead, parseLineHead } from './event-order.ts';
import { newer, openHistory } from './history.ts';
import { listSegments, unpackSegment } from './segments.ts';
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

const SEGMENTS_AHEAD = 4;

/** Those of the history and those that were kept elsewhere, by size. */
async function* merged(
  history: AsyncIterable<SignedCheckpoint>,
  kept: readonly SignedCheckpoint[],
): AsyncGenerator<SignedCheckpoint, undefined> {
  const rest = kept.toSorted((a, b) => a.size - b.size);
  for await (const checkpoint of history) {
    while (rest.length > 0 && rest[0]!.size < checkpoint.size) yield rest.shift()!;
    yield checkpoint;
  }
  yield* rest;
}

/** Reads a whole log and holds it against what was signed; trusts nothing but the key. What it holds in memory doesn't grow with the log. */
export const verifyLog = async ({ bucket, key, kept = [], onLine }: VerifyOptions): Promise<Verification> => {
  const problems: string[] = [];
  const notes: string[] = [];
  const onProblem = (problem: string): void => void problems.push(problem);
  const { pointer, newest, checkpoints: history } = await openHistory(bucket, key, onProblem);
  const signed = newest?.size ?? 0;
  let inHistory: SignedCheckpoint | undefined;
  let count = 0;
  const counted = async function* (): AsyncGenerator<SignedCheckpoint> {
    for await (const checkpoint of history) {
      count++;
      inHistory = newer(inHistory, checkpoint);
      yield checkpoint;
    }
  };
  const checkpoints = merged(counted(), pointer === undefined ? kept : [...kept, pointer]);
  const tree = createTreeCheck({ bucket, checkpoints });
  const versions = createVersionCheck();
  let before: LineHead | undefined;

  const checkSegment = async (segment: SegmentName, packed: Buffer | undefined): Promise<void> => {
    const { bytes, ends } = unpackSegment(segment, packed);
    const text = bytes.toString('latin1');
    const leaves: Buffer[] = [];
    let start = 0;
    for (const [i, end] of ends.entries()) {
      const line = text.slice(start, end);
      const head = parseLineHead(line);
      if (head === undefined || head.index !== segment.first + i)
        problems.push(`${segmentPath(segment)}: line ${i + 1} does not say that it is event ${segment.first + i}`);
      else {
        if (before !== undefined && !comesAfter(before, head)) problems.push(`event ${head.index} is not in the order of transactions`);
        before = head;
        const twice = versions.add(line, head.recorded);
        if (twice !== undefined) problems.push(`event ${head.index}: ${twice}`);
        onLine?.(line, head);
      }
      leaves.push(leafHash(bytes.subarray(start, end)));
      start = end + 1;
    }
    problems.push(...(await tree.add(leaves)));
  };

  let isBroken = false;
  let segments = 0;
  let unsigned = 0;
  let listed = 0;
  const holes: string[] = [];
  const read = async (segment: SegmentName): Promise<{ segment: SegmentName; packed: Buffer | undefined }> => ({
    segment,
    packed: isBroken || segment.first >= signed ? undefined : await bucket.get(segmentPath(segment)),
  });
  for await (const { segment, packed } of inOrder(
    listSegments(bucket, (hole) => holes.push(hole)),
    SEGMENTS_AHEAD,
    read,
  )) {
    segments++;
    listed += segment.count;
    if (segment.first >= signed) unsigned += segment.count;
    // After a hole nothing has its place in the tree any more.
    else if (isBroken || segment.first !== tree.size() || problems.length > MAX_PROBLEMS) isBroken = true;
    else {
      try {
        await checkSegment(segment, packed);
      } catch (error) {
        problems.push((error as Error).message);
        isBroken = true;
      }
    }
  }
  problems.push(...holes.slice(0, MAX_PROBLEMS));
  if (newest === undefined) problems.push('no checkpoint of this key: nothing here is signed');
  if (unsigned > 0) notes.push(`${unsigned} more events lie there and aren't signed yet`);
  if (tree.size() === signed) problems.push(...(await tree.finish()));
  else if (listed < signed && holes.length === 0) {
    problems.push(`the log was cut: the events ${tree.size()} to ${signed - 1} were signed at ${newest!.time} and are gone`);
  }
  // The rest, where the events ended earlier.
  for await (const _ of checkpoints);
  if (pointer !== undefined && pointer.size > (inHistory?.size ?? -1)) {
    problems.push(
      `${CHECKPOINT} covers ${pointer.size} events, the history only ${inHistory?.size ?? 'none'}: checkpoints were removed from it`,
    );
  } else if (pointer !== undefined && pointer.size < inHistory!.size) {
    notes.push(`${CHECKPOINT} covers ${pointer.size} events, older than the history's last: it was rolled back, or is about to be written`);
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
  return { events: tree.size(), segments, resources: versions.resources(), checkpoints: count, newest, problems, notes };
};
