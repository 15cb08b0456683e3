/** What jobs make, in a folder that all servers share. */
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, open, rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { pipeline as joined } from 'node:stream/promises';
import { createGunzip, createGzip, gzipSync } from 'node:zlib';
import { type Appended, type FileName, type FileWriter, type JobFiles, missingFile, writeInto } from './files.ts';

const pathOf = (bucket: string, job: string, name: string): string => join(bucket, job, `${name}.gz`);

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** Writes gzipped to a temporary name, so that only `close` makes a file; the folder is readable by its owner only. */
const createFile = async (bucket: string, { job, name }: FileName): Promise<FileWriter> => {
  const folder = join(bucket, job);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = pathOf(bucket, job, name);
  const temporary = `${path}.tmp`;
  const file = createWriteStream(temporary, { mode: 0o600, flush: true });
  // The fastest level: half the CPU of the usual one for a tenth more bytes.
  const gzip = createGzip({ level: 1 });
  const done = joined(gzip, file);
  done.catch(() => undefined); // told by write or close
  return {
    write: (text) => writeInto(gzip, text, done),
    close: async () => {
      gzip.end();
      await done;
      await rename(temporary, path);
      await syncFolder(folder);
    },
    abandon: async () => {
      gzip.destroy();
      file.destroy();
      await rm(temporary, { force: true });
    },
  };
};

const openFile = async (
  bucket: string,
  { job, name, gzip }: FileName & { readonly gzip: boolean },
): Promise<ReadableStream<Uint8Array>> => {
  const file = createReadStream(pathOf(bucket, job, name));
  await new Promise<void>((resolve, reject) => {
    file.once('open', () => resolve());
    file.once('error', (cause) => reject(missingFile(name, cause)));
  });
  return Readable.toWeb(gzip ? file : pipeline(file, createGunzip(), () => undefined)) as ReadableStream<Uint8Array>;
};

const appendToFile = async (bucket: string, { job, name, at, text }: Appended): Promise<number> => {
  await mkdir(join(bucket, job), { recursive: true, mode: 0o700 });
  const bytes = gzipSync(text);
  const file = await open(`${pathOf(bucket, job, name)}.tmp`, at === 0 ? 'w' : 'r+', 0o600);
  try {
    await file.truncate(at);
    // On a disk that is nearly full the last write that succeeds is a short one.
    for (let from = 0; from < bytes.length;) from += (await file.write(bytes, from, bytes.length - from, at + from)).bytesWritten;
    await file.sync();
  } finally {
    await file.close();
  }
  return at + bytes.length;
};

const publishFile = async (bucket: string, { job, name, bytes }: FileName & { readonly bytes: number }): Promise<void> => {
  const path = pathOf(bucket, job, name);
  // A process that died may have left more than what counts.
  await truncate(`${path}.tmp`, bytes).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(`${path}.tmp`, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await syncFolder(join(bucket, job));
};

export const folderFiles = (bucket: string): JobFiles => ({
  create: (file) => createFile(bucket, file),
  require: ({ job, name }) =>
    access(pathOf(bucket, job, name)).catch((cause: unknown) => {
      throw missingFile(name, cause);
    }),
  open: (file) => openFile(bucket, file),
  append: (appended) => appendToFile(bucket, appended),
  publish: (file) => publishFile(bucket, file),
  remove: (job) => rm(join(bucket, job), { recursive: true, force: true }),
});
