/** The answers to a Bundle's entries, from when each is known until all are told. */
import { createPacker, type Packer } from '../http/packed-bytes.ts';
import type { Bytes } from '../json/bytes.ts';

/** Characters; more are packed: as texts, the answers of 50 MB to who wants to see what was stored took 200. */
const LARGE = 1 << 20;

export interface Shelf {
  /** Resolves when there is room for a further one. */
  readonly add: (text: string) => Promise<void>;
  /** No more are added after that. */
  readonly end: () => Promise<Shelved>;
}

export interface Shelved {
  readonly isPacked: boolean;
  /** Characters, or bytes where they are packed, before packing. */
  readonly size: number;
  /** The next ones, as many, in the order in which they were added and each with a comma before it. */
  readonly take: (count: number) => Iterable<string | Uint8Array>;
}

export const createShelf = (): Shelf => {
  let texts: string[] = [];
  let size = 0;
  let packer: Packer | undefined;
  const ends: number[] = [];
  let packing = Promise.resolve();
  const pack = async (some: readonly string[]): Promise<void> => {
    packer ??= createPacker();
    for (const text of some) {
      const bytes = Buffer.from(`,${text}`);
      ends.push((ends.at(-1) ?? 0) + bytes.length);
      await packer.add(bytes);
    }
  };
  return {
    add: (text) => {
      texts.push(text);
      size += text.length;
      if (size > LARGE) {
        const some = texts;
        texts = [];
        // One after the other, whoever adds them.
        packing = packing.then(() => pack(some));
      }
      return packing;
    },
    end: async () => {
      await packing;
      return packer === undefined ? loose(texts) : packed(await packer.end(), ends);
    },
  };
};

const loose = (texts: readonly string[]): Shelved => {
  let taken = 0;
  const size = texts.reduce((sum, { length }) => sum + length, 0);
  return { isPacked: false, size, take: (count) => texts.slice(taken, (taken += count)).map((text) => `,${text}`) };
};

const packed = (bytes: Bytes, ends: readonly number[]): Shelved => {
  let taken = 0;
  return {
    isPacked: true,
    size: bytes.length,
    *take(count) {
      let at = ends[taken - 1] ?? 0;
      taken += count;
      for (const end = ends[taken - 1] ?? 0; at < end;) {
        const block = bytes.blockAt(at);
        const piece = Uint8Array.from(block.bytes.subarray(at - block.start, end - block.start));
        at += piece.length;
        yield piece; // which may be taken away
      }
    },
  };
};
