import { gunzipSync } from 'node:zlib';
import { beforeSegmentOf, parseSegmentName, SEGMENTS, segmentPath, tilePath } from './bucket-format.ts';
import type { ReadableBucket } from './bucket.ts';
import { inOrder } from '../in-order.ts';
import { leafHash, rootOf, TILE_WIDTH, tileHashes, Tree } from './merkle.ts';

const GETS_AT_ONCE = 16;

/** The tree over the first `size` events of a bucket: the last hashes from their events, those above from full tiles. */
export const restoreTree = async (bucket: ReadableBucket, size: number): Promise<Tree> => {
  const levels: Buffer[][] = [];
  if (size > 0) levels.push(await lastLeaves(bucket, size));
  for (let level = 1; TILE_WIDTH ** level <= size; level++) {
    const count = Math.floor(size / TILE_WIDTH ** level);
    const width = count % TILE_WIDTH;
    const indexes = Array.from({ length: width }, (_, i) => count - width + i);
    levels.push(await Array.fromAsync(inOrder(indexes, GETS_AT_ONCE, (index) => tileRoot(bucket, level - 1, index))));
  }
  return Tree.restore(size, levels);
};

const tileRoot = async (bucket: ReadableBucket, level: number, index: number): Promise<Buffer> => {
  const path = tilePath(level, index);
  const tile = await bucket.get(path);
  if (tile === undefined) throw new Error(`${path} is missing in the bucket: npm run audit -- verify says what else is`);
  return rootOf(tileHashes(tile));
};

const lastLeaves = async (bucket: ReadableBucket, size: number): Promise<Buffer[]> => {
  const from = size - (size % TILE_WIDTH);
  const leaves: Buffer[] = [];
  for await (const name of bucket.list(SEGMENTS, beforeSegmentOf(from))) {
    const segment = parseSegmentName(name);
    if (segment === undefined || segment.first + segment.count <= from || segment.first >= size) continue;
    const lines = gunzipSync((await bucket.get(segmentPath(segment)))!)
      .toString()
      .split('\n');
    for (let i = Math.max(0, from - segment.first); i < segment.count && segment.first + i < size; i++)
      leaves.push(leafHash(Buffer.from(lines[i] ?? '')));
  }
  if (leaves.length !== size - from) {
    throw new Error(`the bucket lacks some of the events ${from} to ${size - 1}: npm run audit -- verify says which`);
  }
  return leaves;
};
