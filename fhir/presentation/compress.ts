/**
 * Content codings of answers. CPU per body of Synthea's, one warm loop on two shared cores (µs in this thread / µs with the hop to zlib's
 * thread → bytes):
 *
 *              2 kB resource      50 kB Bundle         1 MB Bundle
 *   gzip 1     49 / 213 → 909     151 / 531 → 5 743    3 497 / 5 089 → 82 838
 *   gzip 3     48 / 241 → 902     174 / 361 → 5 413    3 223 / 3 926 → 80 070
 *   gzip 6     42 / 207 → 885     305 / 489 → 4 672    5 268 / 6 547 → 44 890
 *   br 1       23 / 235 → 957      83 / 413 → 4 647      741 / 1 457 → 46 114
 *   br 3       42 / 278 → 910     263 / 378 → 4 212    2 855 / 3 401 → 42 890
 *
 * So: br 1 where the client takes it, else gzip 3; small bodies at once, since the hop costs more than the work. It is done here and not
 * by Envoy, whose compressor would buffer the same bytes again and couldn't leave alone what is small.
 */
import { pipeline, Readable } from 'node:stream';
import { promisify } from 'node:util';
import { brotliCompress, brotliCompressSync, constants, createBrotliCompress, createGzip, gzip, gzipSync } from 'node:zlib';

export type Coding = 'br' | 'gzip';

/** What is smaller goes in three packets at most: not worth a seventh of what a search by identifier costs. */
const MIN_BYTES = 4096;
/** What is larger would hold up other requests for more than 0.1 ms. */
const AT_ONCE_BYTES = 16_384;

const GZIP = { level: 3, info: true };
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 }, info: true };
type Coded = Uint8Array<ArrayBuffer>;

/** What zlib answers with `info` (the types of @types/node don't know it), and what Node 24's engine keeps of its work. */
interface Packed {
  readonly buffer: Coded;
  readonly engine: { _outBuffer: unknown; buffers: unknown };
}
/**
 * Takes what was packed out of its engine, which lives until the next full collection: V8 takes a native handle with properties for
 * reachable whenever it collects young objects. Buffers of 16 kB for each answer made a full collection come every half second.
 */
const taken = (packed: Coded): Coded => {
  const { buffer, engine } = packed as unknown as Packed;
  engine._outBuffer = undefined;
  engine.buffers = undefined;
  return buffer;
};
const gzipLater = promisify<Buffer, typeof GZIP, Coded>(gzip);
const brotliLater = promisify<Buffer, typeof BROTLI, Coded>(brotliCompress);

const CODERS: Record<Coding, { readonly now: (bytes: Buffer) => Coded; readonly later: (bytes: Buffer) => Promise<Coded> }> = {
  br: { now: (bytes) => taken(brotliCompressSync(bytes, BROTLI)), later: async (bytes) => taken(await brotliLater(bytes, BROTLI)) },
  gzip: { now: (bytes) => taken(gzipSync(bytes, GZIP)), later: async (bytes) => taken(await gzipLater(bytes, GZIP)) },
};

/** The coding to answer with; undefined for none. Source: https://www.rfc-editor.org/rfc/rfc9110#field.accept-encoding */
export const answerCoding = (acceptEncoding: string): Coding | undefined => {
  if (acceptEncoding === '') return undefined;
  const qualities = new Map<string, number>();
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((each) => each.trim());
    const quality = parameters.find((each) => each.startsWith('q='))?.slice(2);
    qualities.set(name, quality === undefined ? 1 : Number(quality) || 0);
  }
  const qualityOf = (name: string): number => qualities.get(name) ?? qualities.get('*') ?? 0;
  const br = qualityOf('br');
  const gzipped = qualityOf('gzip');
  if (br === 0 && gzipped === 0) return undefined;
  return br >= gzipped ? 'br' : 'gzip';
};

/** The body in a content coding; undefined where it had better stay as it is. */
export const compress = async (body: string, coding: Coding): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  // A text has at least as many bytes as UTF-16 units, and at most three times as many.
  if (body.length * 3 < MIN_BYTES) return undefined;
  const bytes = Buffer.from(body);
  if (bytes.length < MIN_BYTES) return undefined;
  return bytes.length > AT_ONCE_BYTES ? CODERS[coding].later(bytes) : CODERS[coding].now(bytes);
};

/** The same for a body in parts, made as it is read. */
export const compressParts = (parts: Iterable<Uint8Array>, coding: Coding): ReadableStream<Uint8Array> => {
  const coder = coding === 'br' ? createBrotliCompress(BROTLI) : createGzip(GZIP);
  pipeline(Readable.from(parts), coder, () => undefined); // who reads hears of a fault
  return Readable.toWeb(coder) as ReadableStream<Uint8Array>;
};
