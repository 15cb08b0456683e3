/**
 * The proof that one event is in the log, as one file that can be checked with the public key alone: the event's line, the hashes that lead
 * from it to the root, and the signed checkpoint of that root. Source: https://c2sp.org/tlog-proof
 */
import { beforeSegmentOf, CHECKPOINT, parseSegmentName, SEGMENTS, type SegmentName, segmentPath, tilePath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import { type Checkpoint, openCheckpoint } from '../checkpoint.ts';
import { inOrder } from '../../in-order.ts';
import { inclusionProof, leafHash, rootFromProof, rootOf, TILE_WIDTH, tileHashes } from '../merkle.ts';
import type { SigningKey } from '../signing-key.ts';
import { listSegments, unpackSegment } from './segments.ts';

const SEGMENTS_AHEAD = 4;
const HEADER = 'c2sp.org/tlog-proof@v1';

/** The index of the event with this UUID. */
export const findEvent = async (bucket: ReadableBucket, id: string): Promise<number | undefined> => {
  const wanted = `"event":{"id":${JSON.stringify(id)}`;
  const read = async (segment: SegmentName): Promise<{ segment: SegmentName; packed: Buffer | undefined }> => ({
    segment,
    packed: await bucket.get(segmentPath(segment)),
  });
  for await (const { segment, packed } of inOrder(
    listSegments(bucket, () => undefined),
    SEGMENTS_AHEAD,
    read,
  )) {
    const text = unpackSegment(segment, packed).bytes.toString('latin1');
    const at = text.indexOf(wanted);
    if (at === -1) continue;
    let line = 0;
    for (let end = text.indexOf('\n'); end !== -1 && end < at; end = text.indexOf('\n', end + 1)) line++;
    return segment.first + line;
  }
  return undefined;
};

/** The segment that holds an event. */
const segmentWith = async (bucket: ReadableBucket, index: number): Promise<SegmentName | undefined> => {
  for await (const name of bucket.list(SEGMENTS, beforeSegmentOf(index))) {
    const segment = parseSegmentName(name);
    if (segment !== undefined && segment.first > index) return undefined;
    if (segment !== undefined && index < segment.first + segment.count) return segment;
  }
  return undefined;
};

/** Root over events [from, to) of a log of `size`, from its tiles. */
const rangeRoot = (bucket: ReadableBucket, size: number): ((from: number, to: number) => Promise<Buffer>) => {
  const root = async (from: number, to: number): Promise<Buffer> => {
    const height = Math.log2(to - from);
    if (!Number.isInteger(height) || from % (to - from) !== 0) {
      const middle = from + 2 ** Math.floor(height);
      return rootOf([await root(from, middle), await root(middle, to)]);
    }
    const level = Math.floor(height / 8);
    const start = from / TILE_WIDTH ** level;
    const index = Math.floor(start / TILE_WIDTH);
    const width = Math.min(TILE_WIDTH, Math.floor(size / TILE_WIDTH ** level) - index * TILE_WIDTH);
    const path = tilePath(level, index);
    const tile = (await bucket.get(path)) ?? (await bucket.get(tilePath(level, index, width)));
    if (tile === undefined) throw new Error(`${path} is missing: the verify command says what else is`);
    const offset = start % TILE_WIDTH;
    return rootOf(tileHashes(tile), offset, offset + 2 ** (height % 8));
  };
  return root;
};

/** The text of a proof; throws where the event isn't signed or the bucket isn't whole. */
export const proveEvent = async (bucket: ReadableBucket, key: SigningKey, index: number): Promise<string> => {
  const note = (await bucket.get(CHECKPOINT))?.toString();
  if (note === undefined) throw new Error(`the bucket has no ${CHECKPOINT}`);
  const { size } = openCheckpoint(note, key);
  if (index >= size) throw new Error(`event ${index} is not signed: the log has ${size} events, counted from 0`);
  const segment = await segmentWith(bucket, index);
  if (segment === undefined) throw new Error(`event ${index} is in no segment: the verify command says what else is missing`);
  const { bytes, ends } = unpackSegment(segment, await bucket.get(segmentPath(segment)));
  const line = index - segment.first;
  const entry = bytes.subarray(line === 0 ? 0 : ends[line - 1]! + 1, ends[line]);
  const hashes = await Promise.all(inclusionProof(rangeRoot(bucket, size), index, size));
  const text = [HEADER, `extra ${entry.toString('base64')}`, `index ${index}`, ...hashes.map((hash) => hash.toString('base64')), '', note];
  checkProof(text.join('\n'), key);
  return text.join('\n');
};

export interface ProvenEvent {
  readonly index: number;
  readonly line: string;
  readonly checkpoint: Checkpoint;
}

/** What a proof proves; throws where it proves nothing. */
export const checkProof = (text: string, key: SigningKey): ProvenEvent => {
  const blank = text.indexOf('\n\n');
  const [header, extra, position, ...hashes] = text.slice(0, blank).split('\n');
  const entry = /^extra (\S+)$/.exec(extra ?? '')?.[1];
  const index = /^index (0|[1-9]\d*)$/.exec(position ?? '')?.[1];
  if (blank === -1 || header !== HEADER || entry === undefined || index === undefined)
    throw new Error(`it is no proof: it begins with ${HEADER}`);
  const checkpoint = openCheckpoint(text.slice(blank + 2), key);
  const line = Buffer.from(entry, 'base64');
  const proof = hashes.map((hash) => Buffer.from(hash, 'base64'));
  const root = Number(index) < checkpoint.size ? rootFromProof(leafHash(line), Number(index), checkpoint.size, proof) : undefined;
  if (root === undefined || !root.equals(checkpoint.root)) {
    throw new Error(`it does not lead from this event to the root that was signed at ${checkpoint.time}`);
  }
  return { index: Number(index), line: line.toString(), checkpoint };
};
