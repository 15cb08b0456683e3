import { promisify } from 'node:util';
import { constants, deflateRaw, inflateRawSync } from 'node:zlib';

/** Bytes that take a tenth of their memory, for who reads them in order. */
export interface PackedBytes {
  readonly between: (start: number, end: number) => Uint8Array;
}

const deflated = promisify(deflateRaw);
/** A millisecond to unpack. */
const BLOCK = 256 << 10;

export const packBytes = async (bytes: Uint8Array): Promise<PackedBytes> => {
  const blocks: Uint8Array[] = [];
  for (let start = 0; start < bytes.length; start += BLOCK) {
    const packed = await deflated(bytes.subarray(start, start + BLOCK), { level: constants.Z_BEST_SPEED });
    blocks.push(Uint8Array.from(packed)); // without the room that zlib has left
  }
  let last: { readonly index: number; readonly bytes: Uint8Array } | undefined;
  const block = (index: number): Uint8Array => {
    if (last?.index !== index) last = { index, bytes: inflateRawSync(blocks[index]!) };
    return last.bytes;
  };
  return {
    between: (start, end) => {
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
