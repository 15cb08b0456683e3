/** The tree over all events. Source: RFC 6962 section 2.1 (hashes), https://c2sp.org/tlog-tiles (tiles of 256 hashes). */
import { hash } from 'node:crypto';

export const TILE_WIDTH = 256;
export const HASH_BYTES = 32;

// By way of a string: 0.4 us for a node, where asking for a buffer takes 1.0.
const sha256 = (bytes: Buffer | string): Buffer => Buffer.from(hash('sha256', bytes, 'binary'), 'binary');

export const EMPTY_ROOT = sha256('');

/** Hash of an entry, a text standing for its UTF-8: SHA-256 over 0x00 and its bytes. */
export const leafHash = (entry: Buffer | string): Buffer => {
  if (typeof entry === 'string') return sha256(`\0${entry}`);
  const bytes = Buffer.allocUnsafe(entry.length + 1);
  bytes[0] = 0;
  entry.copy(bytes, 1);
  return sha256(bytes);
};

const pair = Buffer.alloc(1 + 2 * HASH_BYTES);
/** Hash of an inner node: SHA-256 over 0x01 and both children. */
export const nodeHash = (left: Buffer, right: Buffer): Buffer => {
  pair[0] = 1;
  left.copy(pair, 1);
  right.copy(pair, 1 + HASH_BYTES);
  return sha256(pair);
};

/** Largest power of two below `count` (2 or more). */
const split = (count: number): number => 2 ** Math.floor(Math.log2(count - 1));

/** Root over subtrees in order, all of one size but for the last, which may be smaller. */
export const rootOf = (hashes: readonly Buffer[], from = 0, to = hashes.length): Buffer => {
  if (to === from) return EMPTY_ROOT;
  if (to - from === 1) return hashes[from]!;
  const middle = from + split(to - from);
  return nodeHash(rootOf(hashes, from, middle), rootOf(hashes, middle, to));
};

/** A full tile, the moment that it becomes full. */
export interface FullTile {
  readonly level: number;
  readonly index: number;
  readonly bytes: Buffer;
}

/** The right edge of a growing tree: per level the hashes of the tile that isn't full yet. */
export class Tree {
  #size = 0;
  readonly #levels: Buffer[][] = [];

  /** A tree of `size` entries whose edge is known, level by level. */
  static restore(size: number, levels: readonly (readonly Buffer[])[]): Tree {
    const tree = new Tree();
    tree.#size = size;
    tree.#levels.push(...levels.map((hashes) => [...hashes]));
    return tree;
  }

  get size(): number {
    return this.#size;
  }

  /** Per level the hashes of the partial tile. */
  get edge(): readonly (readonly Buffer[])[] {
    return this.#levels;
  }

  /** Adds an entry's hash; returns the tiles that it filled. */
  add(leaf: Buffer): FullTile[] {
    const full: FullTile[] = [];
    this.#size++;
    let carry: Buffer | undefined = leaf;
    for (let level = 0; carry !== undefined; level++) {
      const hashes: Buffer[] = (this.#levels[level] ??= []);
      hashes.push(carry);
      carry = undefined;
      if (hashes.length === TILE_WIDTH) {
        full.push({ level, index: Math.floor(this.#size / TILE_WIDTH ** (level + 1)) - 1, bytes: Buffer.concat(hashes) });
        carry = rootOf(hashes);
        this.#levels[level] = [];
      }
    }
    return full;
  }

  root(): Buffer {
    let rest: Buffer | undefined;
    for (const hashes of this.#levels) {
      const all: Buffer[] = rest === undefined ? [...hashes] : [...hashes, rest];
      if (all.length > 0) rest = rootOf(all);
    }
    return rest ?? EMPTY_ROOT;
  }
}

/** The hashes of a tile's bytes. */
export const tileHashes = (bytes: Buffer): Buffer[] =>
  Array.from({ length: bytes.length / HASH_BYTES }, (_, i) => bytes.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES));

/** The hashes that prove entry `index` in a tree of `size`; `rangeRoot` gives the root over [from, to). Source: RFC 6962 section 2.1.1 */
export const inclusionProof = <Hash>(rangeRoot: (from: number, to: number) => Hash, index: number, size: number): Hash[] => {
  const path = (from: number, to: number): Hash[] => {
    if (to - from <= 1) return [];
    const middle = from + split(to - from);
    return index < middle ? [...path(from, middle), rangeRoot(middle, to)] : [...path(middle, to), rangeRoot(from, middle)];
  };
  return path(0, size);
};

/** The root that an entry and its proof lead to. Source: RFC 9162 section 2.1.3.2 */
export const rootFromProof = (leaf: Buffer, index: number, size: number, proof: readonly Buffer[]): Buffer | undefined => {
  let node = index;
  let last = size - 1;
  let result = leaf;
  for (const sibling of proof) {
    if (last === 0) return undefined;
    if (node % 2 === 1 || node === last) {
      result = nodeHash(sibling, result);
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else result = nodeHash(result, sibling);
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? result : undefined;
};
