import { gunzipSync } from 'node:zlib';
import { parseSegmentName, SEGMENTS, segmentPath, tilePath } from './bucket-format.ts';
import type { ReadableBucket } from './bucket.ts';
import { leafHash, rootOf, TILE_WIDTH, tileHashes, Tree } from './merkle.ts';

/** The tree over the first `size` events of a bucket: the last hashes from their events, those above from full tiles. */
export const restoreTree = (bucket: ReadableBucket, size: number): Tree => {
  const levels: Buffer[][] = [];
  if (size > 0) levels.push(lastLeaves(bucket, size));
  for (let level = 1; TILE_WIDTH ** level <= size; level++) {
    const count = Math.floor(size / TILE_WIDTH ** level);
    const width = count % TILE_WIDTH;
    levels.push(Array.from({ length: width }, (_, i) => tileRoot(bucket, level - 1, count - width + i)));
  }
  return Tree.restore(size, levels);
};

const tileRoot = (bucket: ReadableBucket, level: number, index: number): Buffer => {
  const path = tilePath(level, index);
  const tile = bucket.get(path);
  if (tile === undefined) throw new Error(`${path} is missing in the bucket: npm run audit -- verify says what else is`);
  return rootOf(tileHashes(tile));
};

const lastLeaves = (bucket: ReadableBucket, size: number): Buffer[] => {
  const from = size - (size % TILE_WIDTH);
  const leaves: Buffer[] = [];
  for (const name of bucket.list(SEGMENTS)) {
    const segment = parseSegmentName(name);
    if (segment === undefined || segment.first + segment.count <= from || segment.first >= size) continue;
    const lines = gunzipSync(bucket.get(segmentPath(segment))!)
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
