/** The answers to a Bundle's entries, from when each is known until all are told. */
import { createPacker, type Packer } from '../http/packed-bytes.ts';

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
  /** Each call tells the next, in the order in which they were added. */
  readonly next: () => string | Uint8Array;
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
      const bytes = Buffer.from(text);
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
      let told = 0;
      if (packer === undefined) return { isPacked: false, next: () => texts[told++]! };
      const packed = await packer.end();
      return { isPacked: true, next: () => packed.between(ends[told - 1] ?? 0, ends[told++]!) };
    },
  };
};
