/** What jobs make, in an S3 store. A file is put as a whole, a large one in parts; what is appended lies beside it until it is published. */
import { pipeline, Readable } from 'node:stream';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';
import type { EnvReader } from '../../proto/process/env.ts';
import { eachOf } from '../in-order.ts';
import type { S3Address } from '../s3/address.ts';
import { type Objects, openObjects } from '../s3/objects.ts';
import { s3Settings } from '../s3/settings.ts';
import { abortUploads, beginUpload, PART_BYTES, type Upload } from '../s3/upload.ts';
import { type FileName, type FileWriter, type JobFiles, missingFile, writeInto } from './files.ts';
import { unlessAway } from './store-away.ts';

const DELETES_AT_ONCE = 16;

const keyOf = ({ job, name }: FileName): string => `${job}/${name}.gz`;
/** What was appended from a byte on; zeros before it, so that a listing is in order. */
const appendedKey = (file: FileName, at: number): string => `${keyOf(file)}.parts/${String(at).padStart(15, '0')}`;

/** Stores what comes in parts of PART_BYTES; one that has only one part is put without more ado. */
const store = async (objects: Objects, key: string, chunks: AsyncIterable<Buffer>): Promise<void> => {
  let upload: Upload | undefined;
  let pending: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of chunks) {
      pending.push(chunk);
      length += chunk.length;
      if (length < PART_BYTES) continue;
      upload ??= await beginUpload(objects, key);
      await upload.part(Buffer.concat(pending));
      pending = [];
      length = 0;
    }
    const rest = Buffer.concat(pending);
    if (upload === undefined) await objects.put(key, rest);
    else {
      if (rest.length > 0) await upload.part(rest);
      await upload.complete();
    }
  } catch (error) {
    await upload?.abort().catch(() => undefined); // it goes with its job at the latest
    throw error;
  }
};

const create = (objects: Objects, file: FileName): FileWriter => {
  // The fastest level: half the CPU of the usual one for a tenth more bytes.
  const gzip = createGzip({ level: 1 });
  const stored = store(objects, keyOf(file), gzip);
  stored.catch((error: Error) => gzip.destroy(error)); // told by write or close
  return {
    write: (text) => writeInto(gzip, text, stored),
    close: async () => {
      gzip.end();
      await stored;
    },
    abandon: async () => {
      gzip.destroy();
      await stored.catch(() => undefined);
    },
  };
};

export const s3Files = (address: S3Address, env: EnvReader): JobFiles => {
  const objects = openObjects(address, s3Settings(env));

  /** What was appended, as far as it counts; throws where a part of it is missing or isn't the one that counted. */
  const appendedBytes = async function* (file: FileName, bytes: number): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes;) {
      const part = await objects.get(appendedKey(file, at));
      if (part === undefined || at + part.length > bytes) throw new Error(`${file.name} is not whole: a part at ${at} doesn't fit`);
      at += part.length;
      yield part;
    }
  };
  const removeBelow = async (start: string): Promise<void> =>
    eachOf(await Array.fromAsync(objects.list(start)), DELETES_AT_ONCE, objects.remove);

  return {
    create: (file) => Promise.resolve(create(objects, file)),
    require: async (file) => {
      if ((await unlessAway(objects.head(keyOf(file)))) === undefined) throw missingFile(file.name);
    },
    open: async ({ gzip, ...file }) => {
      const head = await unlessAway(objects.head(keyOf(file)));
      if (head === undefined) throw missingFile(file.name);
      const body = Readable.from(objects.read(keyOf(file), head), { objectMode: false });
      return Readable.toWeb(gzip ? body : pipeline(body, createGunzip(), () => undefined)) as ReadableStream<Uint8Array>;
    },
    append: async ({ at, text, ...file }) => {
      const bytes = gzipSync(text);
      // What a process that died has left begins at the same byte, and is replaced.
      await objects.put(appendedKey(file, at), bytes);
      return at + bytes.length;
    },
    publish: async ({ bytes, ...file }) => {
      if ((await objects.head(keyOf(file))) === undefined) await store(objects, keyOf(file), appendedBytes(file, bytes));
      await removeBelow(`${keyOf(file)}.parts/`);
    },
    remove: async (job) => {
      await removeBelow(`${job}/`);
      await abortUploads(objects, `${job}/`);
    },
  };
};
