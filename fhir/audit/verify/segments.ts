import { gunzipSync } from 'node:zlib';
import { parseSegmentName, SEGMENTS, type SegmentName, segmentPath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';

/** The segments in order; `onProblem` hears of every hole, overlap and stranger among them. */
export async function* listSegments(bucket: ReadableBucket, onProblem: (problem: string) => void): AsyncGenerator<SegmentName> {
  let next = 0;
  for await (const name of bucket.list(SEGMENTS)) {
    const segment = parseSegmentName(name);
    if (segment === undefined) {
      onProblem(`${SEGMENTS}/${name} is no segment`);
      continue;
    }
    const { first, count } = segment;
    if (first > next) onProblem(`a segment is missing: events ${next} to ${first - 1} are in no file`);
    if (first < next) onProblem(`${segmentPath(segment)} overlaps the segment before it`);
    next = Math.max(next, first + count);
    yield segment;
  }
}

export interface SegmentText {
  /** One line for each event. */
  readonly bytes: Buffer;
  /** Where the lines end: places of the line feeds. */
  readonly ends: readonly number[];
}

/** A segment's text from what the bucket has for it; throws where that is missing, damaged, or holds another number of lines. */
export const unpackSegment = (segment: SegmentName, packed: Buffer | undefined): SegmentText => {
  const path = segmentPath(segment);
  if (packed === undefined) throw new Error(`${path} is missing`);
  let bytes: Buffer;
  try {
    bytes = gunzipSync(packed);
  } catch (cause) {
    throw new Error(`${path} is damaged: it can't be unpacked`, { cause });
  }
  const ends: number[] = [];
  for (let end = bytes.indexOf(10); end !== -1; end = bytes.indexOf(10, end + 1)) ends.push(end);
  if (ends.length !== segment.count || ends.at(-1) !== bytes.length - 1) {
    throw new Error(`${path} is damaged: it holds ${ends.length} lines and not ${segment.count}`);
  }
  return { bytes, ends };
};
