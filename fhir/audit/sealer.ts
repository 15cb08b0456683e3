import { hash } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { breathe } from './breath.ts';
import { CHECKPOINT, HISTORY, historyName, segmentPath, tilePath } from './bucket-format.ts';
import type { Bucket, ReadableBucket } from './bucket.ts';
import { type Checkpoint, openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { eachOf } from '../in-order.ts';
import { type FullTile, TILE_WIDTH } from './merkle.ts';
import { ForkError, type Segment } from './segment.ts';
import type { SigningKey } from './signing-key.ts';
import { restoreTree } from './tree-edge.ts';

const packed = promisify<Buffer, object, Buffer>(gzip);

/** Where a test may let the relay die (AUDIT_FAULT). */
export const FAULT_POINTS = ['before-put', 'after-put', 'after-tiles', 'after-history', 'before-done', 'after-done'] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

/** Tiles of one segment are stored side by side: they say nothing before they are signed. */
const PUTS_AT_ONCE = 16;

/** Puts segments into the bucket, in order, and signs what it holds. Everything may be done again after a crash: twice is the same as once. */
export interface Sealer {
  readonly size: () => number;
  /** Stores a segment and its tiles. They are durable when it returns, and not signed yet. */
  put(segment: Segment): Promise<void>;
  /** Signs the log as it is; again and again while it rests, so that silence is provable. */
  sign(): Promise<void>;
}

export interface SealerOptions {
  readonly bucket: Bucket;
  readonly key: SigningKey;
  /** Events that the database knows to be sealed. */
  readonly size: number;
  readonly fault: (point: FaultPoint) => void;
}

/** The checkpoint of the bucket that covers most; throws where it isn't signed by the key. */
export const newestCheckpoint = async (bucket: ReadableBucket, key: SigningKey): Promise<Checkpoint | undefined> => {
  const note = await bucket.get(CHECKPOINT);
  const pointer = note === undefined ? undefined : openCheckpoint(note.toString(), key);
  // A relay that was killed may have come to the history and not to the pointer: what follows it there is short.
  const after = pointer === undefined ? undefined : historyName(pointer.size, pointer.time);
  const later = (await Array.fromAsync(bucket.list(HISTORY, after))).at(-1);
  const last = later === undefined ? undefined : await bucket.get(`${HISTORY}/${later}`);
  return last === undefined ? pointer : openCheckpoint(last.toString(), key);
};

/** Throws ForkError where the bucket's tree of that size isn't the one that was signed. */
export const createSealer = async ({ bucket, key, size, fault }: SealerOptions): Promise<Sealer> => {
  const tree = await restoreTree(bucket, size);
  const signed = await newestCheckpoint(bucket, key);
  if (signed?.size === size && !signed.root.equals(tree.root())) {
    throw new ForkError(`the events in the bucket aren't those that were signed at ${signed.time}`);
  }

  const putSegment = async ({ first, count, ndjson, sha256 }: Segment): Promise<void> => {
    const path = segmentPath({ first, count });
    // Level 1 takes a quarter of the time of level 6 for a fifth more bytes. A thread packs, and rests whenever it has filled a chunk.
    if (await bucket.putOnce(path, await packed(ndjson, { level: 1, chunkSize: 4096 }))) return;
    const there = hash('sha256', gunzipSync((await bucket.get(path))!), 'buffer');
    if (!there.equals(sha256)) throw new ForkError(`${path} is in the bucket with other events than the database has for it`);
  };

  const putTile = async ({ level, index, bytes }: FullTile, first: number): Promise<void> => {
    const path = tilePath(level, index);
    if (!(await bucket.putOnce(path, bytes)) && !(await bucket.get(path))!.equals(bytes)) {
      throw new ForkError(`${path} is in the bucket with other hashes`);
    }
    // Only a tile that an earlier segment began was ever stored while it was partial.
    if (index * TILE_WIDTH ** (level + 1) < first) await bucket.removeFolder(`${path}.p`);
  };

  const putTiles = async ({ first, leaves }: Segment): Promise<void> => {
    const full: FullTile[] = [];
    for (const [i, leaf] of leaves.entries()) {
      full.push(...tree.add(leaf));
      if (i % 64 === 63) await breathe();
    }
    await eachOf(full, PUTS_AT_ONCE, (tile) => putTile(tile, first));
    await eachOf(tree.edge.entries(), PUTS_AT_ONCE, async ([level, hashes]) => {
      const index = Math.floor(tree.size / TILE_WIDTH ** (level + 1));
      if (hashes.length > 0) await bucket.replace(tilePath(level, index, hashes.length), Buffer.concat(hashes));
    });
  };

  return {
    size: () => tree.size,
    put: async (segment) => {
      if (segment.first !== tree.size) throw new Error(`segment ${segment.first} does not follow a log of ${tree.size}`);
      fault('before-put');
      await putSegment(segment);
      fault('after-put');
      await putTiles(segment);
      fault('after-tiles');
    },
    sign: async () => {
      const time = new Date().toISOString();
      const note = Buffer.from(signCheckpoint({ origin: key.name, size: tree.size, root: tree.root(), time }, key));
      // The history first: the pointer never says what the history doesn't hold.
      await bucket.putOnce(`${HISTORY}/${historyName(tree.size, time)}`, note);
      fault('after-history');
      await bucket.replace(CHECKPOINT, note);
    },
  };
};
