import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import {
  CHECKPOINT,
  eventLine,
  historyPath,
  parseSegmentName,
  SEGMENTS,
  segmentPath,
  type StoredEvent,
  tilePath,
} from './bucket-format.ts';
import type { Bucket } from './bucket.ts';
import { openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { leafHash, rootOf, tileHashes, TILE_WIDTH, Tree } from './merkle.ts';
import type { SigningKey } from './signing-key.ts';

/** Where a test may let the process die (AUDIT_FAULT). */
export type FaultPoint = 'before-put' | 'after-put' | 'before-checkpoint' | 'before-done';

/** What was planned for these places in the log isn't what the bucket holds there: two histories exist. Nothing may be overwritten. */
export class ForkError extends Error {
  override readonly name = 'ForkError';
}

/** A segment's exact bytes. */
export interface Segment {
  readonly first: number;
  readonly count: number;
  readonly lines: readonly Buffer[];
  readonly sha256: Buffer;
  readonly ndjson: Buffer;
}

export const segmentOf = (first: number, events: readonly StoredEvent[]): Segment => {
  const lines = events.map((event, i) => Buffer.from(eventLine(first + i, event)));
  const ndjson = Buffer.concat(lines.flatMap((line) => [line, LINE_FEED]));
  return { first, count: events.length, lines, ndjson, sha256: hash('sha256', ndjson, 'buffer') };
};
const LINE_FEED = Buffer.from('\n');

export interface Sealer {
  readonly size: () => number;
  /** Puts a segment into the bucket and signs the log that ends with it. Doing it twice is the same as once. */
  seal(segment: Segment): void;
  /** Signs the log as it is, again. */
  heartbeat(): void;
}

export interface SealerOptions {
  readonly bucket: Bucket;
  readonly key: SigningKey;
  /** Entries that the bucket is known to hold and to have signed. */
  readonly size: number;
  readonly fault?: (point: FaultPoint) => void;
}

export const createSealer = ({ bucket, key, size, fault = () => undefined }: SealerOptions): Sealer => {
  const tree = restoreTree(bucket, size);

  const checkpoint = (): void => {
    const time = new Date().toISOString();
    const note = Buffer.from(signCheckpoint({ origin: key.name, size: tree.size, root: tree.root(), time }, key));
    // The history first: the pointer never says what the history doesn't hold.
    bucket.putOnce(historyPath(tree.size, time), note);
    bucket.replace(CHECKPOINT, note);
  };

  const putSegment = ({ first, count, ndjson, sha256 }: Segment): void => {
    const path = segmentPath({ first, count });
    if (bucket.putOnce(path, gzipSync(ndjson, { level: 6 }))) return;
    const there = hash('sha256', gunzipSync(bucket.get(path)!), 'buffer');
    if (!there.equals(sha256)) throw new ForkError(`${path} is in the bucket with other events than the database has for it`);
  };

  const putTiles = (segment: Segment): void => {
    const before = tree.edge.map((hashes) => hashes.length);
    const from = tree.size;
    for (const line of segment.lines) {
      for (const { level, index, bytes } of tree.add(leafHash(line))) {
        if (!bucket.putOnce(tilePath(level, index), bytes) && !bucket.get(tilePath(level, index))!.equals(bytes)) {
          throw new ForkError(`${tilePath(level, index)} is in the bucket with other hashes`);
        }
      }
    }
    for (const [level, hashes] of tree.edge.entries()) {
      const index = Math.floor(tree.size / TILE_WIDTH ** (level + 1));
      if (hashes.length > 0) bucket.replace(tilePath(level, index, hashes.length), Buffer.concat(hashes));
      const formerIndex = Math.floor(from / TILE_WIDTH ** (level + 1));
      const former = before[level] ?? 0;
      if (former > 0 && (formerIndex !== index || former !== hashes.length)) bucket.remove(tilePath(level, formerIndex, former));
    }
  };

  return {
    size: () => tree.size,
    seal: (segment) => {
      if (segment.first !== tree.size) throw new Error(`segment ${segment.first} does not follow a log of ${tree.size}`);
      fault('before-put');
      putSegment(segment);
      fault('after-put');
      putTiles(segment);
      fault('before-checkpoint');
      checkpoint();
      fault('before-done');
    },
    heartbeat: checkpoint,
  };
};

/** How many entries the newest checkpoint of the bucket covers; throws where it isn't signed by the key. */
export const signedSize = (bucket: Bucket, key: SigningKey): number => {
  const note = bucket.get(CHECKPOINT);
  return note === undefined ? 0 : openCheckpoint(note.toString(), key).size;
};

// Only the edge is needed: the last entries from their segments, and above them the roots of full tiles.
const restoreTree = (bucket: Bucket, size: number): Tree => {
  const levels: Buffer[][] = [];
  if (size > 0) levels.push(lastLeaves(bucket, size, size % TILE_WIDTH));
  for (let level = 1; TILE_WIDTH ** level <= size; level++) {
    const count = Math.floor(size / TILE_WIDTH ** level);
    const width = count % TILE_WIDTH;
    levels.push(
      Array.from({ length: width }, (_, i) => {
        const path = tilePath(level - 1, count - width + i);
        const tile = bucket.get(path);
        if (tile === undefined) throw new Error(`${path} is missing in the bucket: npm run audit -- verify says what else is`);
        return rootOf(tileHashes(tile));
      }),
    );
  }
  return Tree.restore(size, levels);
};

const lastLeaves = (bucket: Bucket, size: number, count: number): Buffer[] => {
  const from = size - count;
  const leaves: Buffer[] = [];
  const names = bucket.list(SEGMENTS).flatMap((name) => parseSegmentName(name) ?? []);
  for (const { first, count: length } of names.sort((a, b) => a.first - b.first)) {
    if (first + length <= from || first >= size) continue;
    const lines = gunzipSync(bucket.get(segmentPath({ first, count: length }))!)
      .toString('utf8')
      .split('\n');
    for (let i = Math.max(0, from - first); i < length && first + i < size; i++) leaves.push(leafHash(Buffer.from(lines[i]!)));
  }
  if (leaves.length !== count)
    throw new Error(`the bucket has not the last ${count} events that its checkpoint covers: npm run audit -- verify says what is missing`);
  return leaves;
};
