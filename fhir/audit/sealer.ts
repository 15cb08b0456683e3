import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CHECKPOINT, HISTORY, historyPath, segmentPath, tilePath } from './bucket-format.ts';
import type { Bucket, ReadableBucket } from './bucket.ts';
import { type Checkpoint, openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { leafHash, TILE_WIDTH } from './merkle.ts';
import { ForkError, type Segment } from './segment.ts';
import type { SigningKey } from './signing-key.ts';
import { restoreTree } from './tree-edge.ts';

/** Where a test may let the relay die (AUDIT_FAULT). */
export const FAULT_POINTS = ['before-put', 'after-put', 'after-tiles', 'after-history', 'before-done', 'after-done'] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Puts segments into the bucket, in order, and signs what it holds. Everything may be done again after a crash: twice is the same as once. */
export interface Sealer {
  readonly size: () => number;
  /** Stores a segment and its tiles. They are durable when it returns, and not signed yet. */
  put(segment: Segment): void;
  /** Signs the log as it is; again and again while it rests, so that silence is provable. */
  sign(): void;
}

export interface SealerOptions {
  readonly bucket: Bucket;
  readonly key: SigningKey;
  /** Events that the database knows to be sealed. */
  readonly size: number;
  readonly fault: (point: FaultPoint) => void;
}

/** The checkpoint of the bucket that covers most; throws where it isn't signed by the key. */
export const newestCheckpoint = (bucket: ReadableBucket, key: SigningKey): Checkpoint | undefined => {
  const last = bucket.list(HISTORY).at(-1);
  // A relay that was killed may have come to the history and not to the pointer.
  const notes = [bucket.get(CHECKPOINT), last === undefined ? undefined : bucket.get(`${HISTORY}/${last}`)];
  const checkpoints = notes.flatMap((note) => (note === undefined ? [] : [openCheckpoint(note.toString(), key)]));
  return checkpoints.sort((a, b) => b.size - a.size)[0];
};

/** Throws ForkError where the bucket's tree of that size isn't the one that was signed. */
export const createSealer = ({ bucket, key, size, fault }: SealerOptions): Sealer => {
  const tree = restoreTree(bucket, size);
  const signed = newestCheckpoint(bucket, key);
  if (signed?.size === size && !signed.root.equals(tree.root())) {
    throw new ForkError(`the events in the bucket aren't those that were signed at ${signed.time}`);
  }

  const putSegment = ({ first, count, ndjson, sha256 }: Segment): void => {
    const path = segmentPath({ first, count });
    // Level 1 takes a quarter of the time of level 6 for a fifth more bytes.
    if (bucket.putOnce(path, gzipSync(ndjson, { level: 1 }))) return;
    const there = hash('sha256', gunzipSync(bucket.get(path)!), 'buffer');
    if (!there.equals(sha256)) throw new ForkError(`${path} is in the bucket with other events than the database has for it`);
  };

  const putTiles = ({ lines }: Segment): void => {
    for (const line of lines) {
      for (const { level, index, bytes } of tree.add(leafHash(line))) {
        const path = tilePath(level, index);
        if (!bucket.putOnce(path, bytes) && !bucket.get(path)!.equals(bytes)) {
          throw new ForkError(`${path} is in the bucket with other hashes`);
        }
        bucket.remove(`${path}.p`);
      }
    }
    for (const [level, hashes] of tree.edge.entries()) {
      const index = Math.floor(tree.size / TILE_WIDTH ** (level + 1));
      if (hashes.length > 0) bucket.replace(tilePath(level, index, hashes.length), Buffer.concat(hashes));
    }
  };

  return {
    size: () => tree.size,
    put: (segment) => {
      if (segment.first !== tree.size) throw new Error(`segment ${segment.first} does not follow a log of ${tree.size}`);
      fault('before-put');
      putSegment(segment);
      fault('after-put');
      putTiles(segment);
      fault('after-tiles');
    },
    sign: () => {
      const time = new Date().toISOString();
      const note = Buffer.from(signCheckpoint({ origin: key.name, size: tree.size, root: tree.root(), time }, key));
      // The history first: the pointer never says what the history doesn't hold.
      bucket.putOnce(historyPath(tree.size, time), note);
      fault('after-history');
      bucket.replace(CHECKPOINT, note);
    },
  };
};
