import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { FhirError } from './outcome.ts';

const gunzipped = promisify(gunzip);
const UTF8 = new TextDecoder('utf-8', { fatal: true });

/**
 * The whole request body as text. Throws 413 as soon as more than `limit` bytes are there (before and after unzipping),
 * 400 on bytes that are no UTF-8, 415 on a content coding other than gzip.
 */
export const readBody = async (incoming: IncomingMessage, limit: number): Promise<string> => {
  const coding = incoming.headers['content-encoding']?.toLowerCase();
  if (coding !== undefined && coding !== 'gzip' && coding !== 'identity') {
    throw new FhirError('unsupported-media-type', `Content-Encoding ${coding.slice(0, 40)} isn't understood: send gzip or no coding`);
  }
  let bytes = await collect(incoming, limit);
  if (coding === 'gzip') bytes = await unzip(bytes, limit);
  try {
    return UTF8.decode(bytes);
  } catch (cause) {
    throw new FhirError('structure', 'the body is not valid UTF-8: FHIR is always sent as UTF-8', { cause });
  }
};

const collect = async (incoming: IncomingMessage, limit: number): Promise<Buffer> => {
  if (Number(incoming.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  const chunks: Buffer[] = [];
  let size = 0;
  // A stream that its loop destroys when left would take the answer along.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw tooLarge(limit);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size);
};

const unzip = async (bytes: Buffer, limit: number): Promise<Buffer> => {
  try {
    return await gunzipped(bytes, { maxOutputLength: limit });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(limit);
    throw new FhirError('structure', 'the body is not valid gzip, though Content-Encoding says so', { cause });
  }
};

const tooLarge = (limit: number): FhirError =>
  // Without Connection: close, which would reset the connection under a body that is still coming, and the answer with it.
  new FhirError('too-large', `the body is larger than ${limit} bytes: send less at once, or split the Bundle`);
