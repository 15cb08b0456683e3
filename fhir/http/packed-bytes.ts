import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';
import type { Bytes } from '../json/bytes.ts';

const deflated = promisify(deflateRaw);
/** A millisecond to unpack. */
const BLOCK = 256 << 10;

/** Takes bytes as they come, and keeps them in a tenth of their memory, for who reads them in order. */
export interface Packer {
  /** Resolves to how many bytes fewer (negative: more) are kept than have been given so far, since the last time. */
  readonly add: (chunk: Uint8Array) => Promise<number>;
  readonly end: () => Promise<Bytes>;
}

export const createPacker = (): Packer => {
  const blocks: Uint8Array[] = [];
  let open = Buffer.allocUnsafe(BLOCK);
  let filled = 0;
  const pack = async (): Promise<number> => {
    const packed = await deflated(open.subarray(0, filled), { level: constants.Z_BEST_SPEED });
    blocks.push(Uint8Array.from(packed)); // without the room that zlib has left
    const saved = filled - packed.length;
    filled = 0;
    return saved;
  };
  return {
    add: async (chunk) => {
      let saved = 0;
      for (let at = 0; at < chunk.length;) {
        const part = chunk.subarray(at, at + BLOCK - filled);
        open.set(part, filled);
        filled += part.length;
        at += part.length;
        if (filled === BLOCK) saved += await pack();
      }
      return saved;
    },
    end: async () => {
      const length = blocks.length * BLOCK + filled;
      if (filled > 0) await pack();
      open = Buffer.alloc(0);
      return unpacking(blocks, length);
    },
  };
};

const unpacking = (blocks: readonly Uint8Array[], length: number): Bytes => {
  let last: { readonly index: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  const block = (index: number): Uint8Array => {
    if (last?.index === index) return last.bytes;
    // Given back at once: while a Bundle is looked through V8 sees no reason to, and all of it would lie unpacked in memory.
    last?.bytes.buffer.transfer(0);
    // One chunk of output, so that zlib needn't put several together.
    last = { index, bytes: inflateRawSync(blocks[index]!, { chunkSize: BLOCK + 64 }) };
    return last.bytes;
  };
  return {
    length,
    blockAt: (place) => {
      const index = Math.floor(place / BLOCK);
      return { bytes: block(index), start: index * BLOCK };
    },
    between: (start, end) => {
      const first = Math.floor(start / BLOCK);
      if (start < end && end <= (first + 1) * BLOCK) return block(first).subarray(start - first * BLOCK, end - first * BLOCK);
      const out = new Uint8Array(end - start);
      for (let at = start; at < end;) {
        const index = Math.floor(at / BLOCK);
        const part = block(index).subarray(at - index * BLOCK, end - index * BLOCK);
        out.set(part, at - start);
        at += part.length;
      }
      return out;
    },
  };
};
