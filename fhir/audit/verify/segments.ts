import { gunzipSync } from 'node:zlib';
import { parseSegmentName, SEGMENTS, type SegmentName, segmentPath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';

/** The segments in order, and every hole, overlap and stranger among them. */
export const listSegments = (
  bucket: ReadableBucket,
): { readonly segments: readonly SegmentName[]; readonly problems: readonly string[] } => {
  const segments: SegmentName[] = [];
  const problems: string[] = [];
  for (const name of bucket.list(SEGMENTS)) {
    const segment = parseSegmentName(name);
    if (segment === undefined) problems.push(`${SEGMENTS}/${name} is no segment`);
    else segments.push(segment);
  }
  segments.sort((a, b) => a.first - b.first);
  let next = 0;
  for (const { first, count } of segments) {
    if (first > next) problems.push(`a segment is missing: events ${next} to ${first - 1} are in no file`);
    if (first < next) problems.push(`${segmentPath({ first, count })} overlaps the segment before it`);
    next = Math.max(next, first + count);
  }
  return { segments, problems };
};

/** A segment's text, one line for each event; throws where it is damaged or holds another number of lines. */
export const readSegment = (bucket: ReadableBucket, segment: SegmentName): { bytes: Buffer; ends: number[] } => {
  const path = segmentPath(segment);
  const packed = bucket.get(path);
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
