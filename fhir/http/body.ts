import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { createGunzip, gunzip } from 'node:zlib';
import { type Bytes, inOnePiece } from '../json/bytes.ts';
import type { Admitted } from './admission.ts';
import { FhirError } from './outcome.ts';
import { createPacker, type Packer } from './packed-bytes.ts';

const gunzipped = promisify(gunzip);
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The whole request body. Throws 413 as soon as more than `limit` bytes are there (before and after unzipping), 415 on a content coding
 * other than gzip, 503 where too much is in memory already. Resolves when the body may be worked on.
 */
export const readBody = async (incoming: IncomingMessage, limit: number, { hold, turn }: Omit<Admitted, 'release'>): Promise<Buffer> => {
  const isZipped = isGzip(incoming);
  const sent = await whole(incoming, collect(incoming, limit, hold));
  const bytes = isZipped ? await unzip(sent, limit) : sent;
  if (bytes !== sent) hold(bytes.length);
  await turn(bytes.length);
  return bytes;
};

const isGzip = ({ headers }: IncomingMessage): boolean => {
  const coding = headers['content-encoding']?.toLowerCase();
  if (coding === undefined || coding === 'identity') return false;
  if (coding === 'gzip') return true;
  throw new FhirError('unsupported-media-type', `Content-Encoding ${coding.slice(0, 40)} isn't understood: send gzip or no coding`);
};

/** More than this is packed while it is received. */
const LARGE = 4 << 20;
export const isLarge = ({ length }: Bytes): boolean => length > LARGE;

/** The same for a Bundle, which may be so long that it never lies in memory as it was sent. */
export const readBytes = async (incoming: IncomingMessage, limit: number, { hold, turn }: Omit<Admitted, 'release'>): Promise<Bytes> => {
  const isZipped = isGzip(incoming);
  if (Number(incoming.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const bytes = isZipped
    ? await packed(unzipped(await whole(incoming, collect(incoming, limit, hold))), limit, hold)
    : await whole(incoming, packed(chunksOf(incoming), limit, hold));
  await turn(bytes.length);
  return bytes;
};

/** What is read of a body; throws 400 where whoever sent it went away before its end: nobody hears it, but the trail tells whose fault it was. */
const whole = async <T>(incoming: IncomingMessage, reading: Promise<T>): Promise<T> => {
  try {
    return await reading;
  } catch (cause) {
    if (cause instanceof FhirError || incoming.complete) throw cause;
    throw new FhirError('invalid', 'the body ended before all of it was sent', { cause });
  }
};

// A stream that its loop destroys when left would take the answer along.
const chunksOf = (incoming: IncomingMessage): AsyncIterable<Buffer> =>
  incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;

async function* unzipped(bytes: Buffer): AsyncIterable<Buffer> {
  const gunzip = createGunzip({ chunkSize: 64 << 10 });
  gunzip.end(bytes);
  try {
    yield* gunzip as AsyncIterable<Buffer>;
  } catch (cause) {
    throw notGzip(cause);
  }
}

/** Frees the memory of a chunk that has it alone, now: where few objects are made the garbage of a whole body gathers before V8 looks for it. */
const giveBack = ({ buffer, length }: Uint8Array): void => {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
};

/** The bytes of some chunks, packed where they are many; each chunk must be nobody else's. */
export const packed = async (
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: number,
  hold: Admitted['hold'],
): Promise<Bytes> => {
  // Most Bundles need none, and it holds a block.
  let packer: Packer | undefined;
  let first: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    hold(chunk.length);
    first.push(chunk);
    if (size <= LARGE) continue;
    packer ??= createPacker();
    for (const each of first) {
      hold(-(await packer.add(each)));
      giveBack(each);
    }
    first = [];
  }
  return packer?.end() ?? inOnePiece(first.length === 1 ? first[0]! : Buffer.concat(first, size));
};

/** Throws 400 on bytes that are no UTF-8. */
export const textOfBody = (bytes: Uint8Array): string => {
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw notUtf8(cause);
  }
};

export const notUtf8 = (cause: unknown): FhirError =>
  new FhirError('structure', 'the body is not valid UTF-8: FHIR is always sent as UTF-8', { cause });

/** Larger than this, a body whose length is told is put together where it will lie, instead of twice. */
const SMALL = 1 << 20;

const collect = async (incoming: IncomingMessage, limit: number, hold: Admitted['hold']): Promise<Buffer> => {
  const told = Number(incoming.headers['content-length'] ?? 0);
  if (told > limit) throw tooLarge(limit);
  const whole = told > SMALL ? Buffer.allocUnsafe(told) : undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of chunksOf(incoming)) {
    if (size + chunk.length > limit) throw tooLarge(limit);
    hold(chunk.length);
    if (whole === undefined) chunks.push(chunk);
    else chunk.copy(whole, size);
    size += chunk.length;
  }
  return whole?.subarray(0, size) ?? (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size));
};

const unzip = async (bytes: Buffer, limit: number): Promise<Buffer> => {
  try {
    return await gunzipped(bytes, { maxOutputLength: limit });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw notGzip(cause);
  }
};

const notGzip = (cause: unknown): FhirError =>
  new FhirError('structure', 'the body is not valid gzip, though Content-Encoding says so', { cause });

const tooLarge = (limit: number): FhirError =>
  // Without Connection: close, which would reset the connection under a body that is still coming, and the answer with it.
  new FhirError('too-large', `the body is larger than ${limit} bytes: send less at once, or split the Bundle`);

const DROPPED_BYTES = 64 << 20;

/**
 * Reads and drops what of a body nobody read, up to a bound: most clients read no answer before they have sent everything, and one that comes
 * earlier makes Envoy cut the connection, or reset the stream, under them.
 */
export const dropRest = async (incoming: IncomingMessage): Promise<void> => {
  if (incoming.complete || Number(incoming.headers['content-length'] ?? 0) > DROPPED_BYTES) return;
  let size = 0;
  try {
    for await (const chunk of chunksOf(incoming)) {
      size += chunk.length;
      if (size > DROPPED_BYTES) return;
    }
  } catch {
    // A client that went away needs no answer.
  }
};
