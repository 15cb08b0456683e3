/** Bytes of a text that may be too long to lie in memory in one piece. What is got of them is there until the next is asked for. */
export interface Bytes {
  readonly length: number;
  readonly between: (start: number, end: number) => Uint8Array;
  /** The piece that holds the byte at this place, and where that piece begins. */
  readonly blockAt: (place: number) => { readonly bytes: Uint8Array; readonly start: number };
}

/** Copies of all pieces. */
export function* blocksOf({ length, blockAt }: Bytes): Generator<Uint8Array> {
  for (let at = 0; at < length;) {
    const { bytes, start } = blockAt(at);
    yield Uint8Array.from(bytes.subarray(at - start)); // of a Buffer slice() is no copy
    at = start + bytes.length;
  }
}

export const inOnePiece = (bytes: Uint8Array): Bytes => ({
  length: bytes.length,
  between: (start, end) => bytes.subarray(start, end),
  blockAt: () => ({ bytes, start: 0 }),
});
