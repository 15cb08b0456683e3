import { tilePath } from '../bucket-format.ts';
import type { ReadableBucket } from '../bucket.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { inOrder } from '../../in-order.ts';
import { type FullTile, HASH_BYTES, TILE_WIDTH, tileHashes, Tree } from '../merkle.ts';

export interface TreeCheck {
  readonly size: () => number;
  /** Adds the hashes of some events; resolves with what no longer fits. */
  add(leaves: readonly Buffer[]): Promise<string[]>;
  /** Compares the tiles that aren't full yet. */
  finish(): Promise<string[]>;
}

export interface TreeCheckOptions {
  readonly bucket: ReadableBucket;
  /** By size; read as far as the tree has grown. */
  readonly checkpoints: AsyncIterator<Checkpoint, undefined>;
}

const GETS_AT_ONCE = 16;

/** Builds the tree anew from the events and compares it with every tile and every checkpoint on the way. */
export const createTreeCheck = ({ bucket, checkpoints }: TreeCheckOptions): TreeCheck => {
  const tree = new Tree();
  let isBroken = false;

  /** What a tile that is there says otherwise than the events: which events, where it has their hashes. */
  const differences = (path: string, stored: Buffer, { level, index, bytes }: FullTile): string[] => {
    if (stored.equals(bytes)) return [];
    if (level > 0 || stored.length !== bytes.length) return [`${path} is not what the events give`];
    const hashes = tileHashes(stored);
    return tileHashes(bytes).flatMap((hash, i) =>
      hash.equals(hashes[i]!) ? [] : [`event ${index * TILE_WIDTH + i} does not have the hash that ${path} has for it`],
    );
  };

  const compareTile = async (tile: FullTile): Promise<string[]> => {
    const path = tilePath(tile.level, tile.index);
    const stored = await bucket.get(path);
    return stored === undefined ? [`${path} is missing`] : differences(path, stored, tile);
  };

  // Every width that was ever signed is kept until the tile is full; a full tile stands for all of them.
  const comparePartial = async (level: number, hashes: readonly Buffer[]): Promise<string[]> => {
    if (hashes.length === 0) return [];
    const bytes = Buffer.concat(hashes);
    const index = Math.floor(tree.size / TILE_WIDTH ** (level + 1));
    const path = tilePath(level, index);
    const compareFull = async (): Promise<string[] | undefined> => {
      const full = await bucket.get(path);
      if (full === undefined) return undefined;
      return full.subarray(0, bytes.length).equals(bytes) ? [] : [`${path} is not what the events give`];
    };
    const compareWidths = async (): Promise<string[]> => {
      const widths = (await Array.fromAsync(bucket.list(`${path}.p`))).map(Number);
      const own = widths.filter((width) => width <= hashes.length).sort((a, b) => b - a);
      const compared = inOrder(own, GETS_AT_ONCE, async (width) => {
        const part = `${path}.p/${width}`;
        const stored = await bucket.get(part);
        const given = bytes.subarray(0, width * HASH_BYTES);
        if (stored?.equals(given) === true) return [];
        // The widest, first, names the events; the others would name them again.
        return stored !== undefined && width === hashes.length
          ? differences(part, stored, { level, index, bytes: given })
          : [`${part} is not what the events give`];
      });
      const wrong = (await Array.fromAsync(compared)).flat();
      return [...(widths.includes(hashes.length) ? [] : [`${path}.p/${hashes.length} is missing`]), ...wrong];
    };
    const found = await compareFull();
    if (found !== undefined) return found;
    const problems = await compareWidths();
    // A relay that is at work may have filled the tile meanwhile, and removed its parts.
    return problems.length === 0 ? problems : ((await compareFull()) ?? problems);
  };

  let next: Promise<IteratorResult<Checkpoint, undefined>> | undefined;
  const compareRoot = ({ root, size, time }: Checkpoint): string[] => {
    if (isBroken || root.equals(tree.root())) return [];
    // All later roots differ for the same reason.
    isBroken = true;
    return [`the first ${size} events are not those that were signed at ${time}`];
  };
  /** Takes the checkpoints up to a size from the stream. */
  const upTo = async function* (size: number): AsyncGenerator<Checkpoint> {
    for (;;) {
      next ??= checkpoints.next();
      const { done, value } = await next;
      if (done || value.size > size) return;
      next = undefined;
      yield value;
    }
  };
  const compareRoots = async (): Promise<string[]> => {
    const problems: string[] = [];
    for await (const checkpoint of upTo(tree.size)) problems.push(...compareRoot(checkpoint));
    return problems;
  };

  return {
    size: () => tree.size,
    add: async (leaves) => {
      const problems = await compareRoots();
      // The relay signs where a segment ends; who has its key may sign elsewhere.
      const within = await Array.fromAsync(upTo(tree.size + leaves.length - 1));
      const full: FullTile[] = [];
      for (const leaf of leaves) {
        full.push(...tree.add(leaf));
        while (within[0]?.size === tree.size) problems.push(...compareRoot(within.shift()!));
      }
      for await (const found of inOrder(full, GETS_AT_ONCE, compareTile)) problems.push(...found);
      return [...problems, ...(await compareRoots())];
    },
    finish: async () => {
      const problems = await compareRoots();
      for (const [level, hashes] of tree.edge.entries()) problems.push(...(await comparePartial(level, hashes)));
      return problems;
    },
  };
};
