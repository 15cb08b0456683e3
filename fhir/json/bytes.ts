/** Bytes of a text that may be too long to lie in memory in one piece. */
export interface Bytes {
  readonly length: number;
  readonly between: (start: number, end: number) => Uint8Array;
  /** The piece that holds the byte at this place, and where that piece begins. */
  readonly blockAt: (place: number) => { readonly bytes: Uint8Array; readonly start: number };
}

/** All of them, as they lie. */
export function* blocksOf({ length, blockAt }: Bytes): Generator<Uint8Array> {
  for (let at = 0; at < length;) {
    const { bytes, start } = blockAt(at);
    yield bytes.subarray(at - start);
    at = start + bytes.length;
  }
}

export const inOnePiece = (bytes: Uint8Array): Bytes => ({
  length: bytes.length,
  between: (start, end) => bytes.subarray(start, end),
  blockAt: () => ({ bytes, start: 0 }),
});
