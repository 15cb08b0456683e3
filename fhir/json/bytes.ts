/** Bytes of a text that may be too long to lie in memory in one piece. */
export interface Bytes {
  readonly length: number;
  readonly between: (start: number, end: number) => Uint8Array;
  /** The piece that holds the byte at this place, and where that piece begins. */
  readonly blockAt: (place: number) => { readonly bytes: Uint8Array; readonly start: number };
}

export const inOnePiece = (bytes: Uint8Array): Bytes => ({
  length: bytes.length,
  between: (start, end) => bytes.subarray(start, end),
  blockAt: () => ({ bytes, start: 0 }),
});
