import { tilePath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { type FullTile, HASH_BYTES, TILE_WIDTH, tileHashes, Tree } from '../merkle.ts';

export interface TreeCheck {
  readonly size: () => number;
  /** Adds an event's hash; returns what no longer fits. */
  add(leaf: Buffer): string[];
  /** Compares the tiles that aren't full yet. */
  finish(): string[];
}

/** Builds the tree anew from the events and compares it with every tile and every checkpoint on the way, ordered by size. */
export const createTreeCheck = (bucket: ReadableBucket, checkpoints: readonly Checkpoint[]): TreeCheck => {
  const tree = new Tree();
  let next = 0;
  let isBroken = false;

  const compareTile = ({ level, index, bytes }: FullTile): string[] => {
    const path = tilePath(level, index);
    const stored = bucket.get(path);
    if (stored === undefined) return [`${path} is missing`];
    if (stored.equals(bytes)) return [];
    if (level > 0 || stored.length !== bytes.length) return [`${path} is not what the events give`];
    const hashes = tileHashes(stored);
    return tileHashes(bytes).flatMap((hash, i) =>
      hash.equals(hashes[i]!) ? [] : [`event ${index * TILE_WIDTH + i} does not have the hash that ${path} has for it`],
    );
  };

  // Every width that was ever signed is kept until the tile is full; a full tile stands for all of them.
  const comparePartial = (level: number, hashes: readonly Buffer[]): string[] => {
    if (hashes.length === 0) return [];
    const bytes = Buffer.concat(hashes);
    const full = tilePath(level, Math.floor(tree.size / TILE_WIDTH ** (level + 1)));
    const stored = bucket.get(full);
    if (stored !== undefined) return stored.subarray(0, bytes.length).equals(bytes) ? [] : [`${full} is not what the events give`];
    const widths = bucket.list(`${full}.p`).map(Number);
    return [
      ...(widths.includes(hashes.length) ? [] : [`${full}.p/${hashes.length} is missing`]),
      ...widths
        .filter((width) => width <= hashes.length)
        .filter((width) => !bucket.get(`${full}.p/${width}`)!.equals(bytes.subarray(0, width * HASH_BYTES)))
        .map((width) => `${full}.p/${width} is not what the events give`),
    ];
  };

  const compareRoots = (): string[] => {
    const problems: string[] = [];
    for (; checkpoints[next]?.size === tree.size; next++) {
      const { root, time, size } = checkpoints[next]!;
      if (isBroken || root.equals(tree.root())) continue;
      // All later roots differ for the same reason.
      isBroken = true;
      problems.push(`the first ${size} events are not those that were signed at ${time}`);
    }
    return problems;
  };

  const start = compareRoots();
  return {
    size: () => tree.size,
    add: (leaf) => {
      const problems = start.splice(0);
      for (const tile of tree.add(leaf)) problems.push(...compareTile(tile));
      if (checkpoints[next]?.size === tree.size) problems.push(...compareRoots());
      return problems;
    },
    finish: () => [...start.splice(0), ...tree.edge.flatMap((hashes, level) => comparePartial(level, hashes))],
  };
};
