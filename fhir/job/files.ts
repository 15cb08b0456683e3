/** What jobs make: `<job>/<file>.gz` in a folder (folder-files.ts) or an S3 store (s3-files.ts), each file there as a whole or not at all. */
import type { Writable } from 'node:stream';
import { FhirError } from '../http/outcome.ts';

/** A file that is being written; what came before under its name stays until it is closed. */
export interface FileWriter {
  /** Resolves when more can be taken. */
  readonly write: (text: string) => Promise<void>;
  /** Makes the file be there, durably. */
  readonly close: () => Promise<void>;
  readonly abandon: () => Promise<void>;
}

export interface FileName {
  readonly job: string;
  readonly name: string;
}

export interface Appended extends FileName {
  /** Bytes that stay; what a process that died has left after them goes. */
  readonly at: number;
  readonly text: string;
}

export interface JobFiles {
  /** Begins a file, gzipped as it is written. */
  create(file: FileName): Promise<FileWriter>;
  /** Throws 404 where there is no such file: its time may be over. */
  require(file: FileName): Promise<void>;
  /** The bytes of a file, unpacked unless `gzip`; it is closed at its end, or where the reader goes away. */
  open(file: FileName & { readonly gzip: boolean }): Promise<ReadableStream<Uint8Array>>;
  /** Appends to a file that is not there yet for readers; returns its bytes from now on. A gzip file may have several members. */
  append(appended: Appended): Promise<number>;
  /** Makes the first bytes of a file that was appended to be there. Does nothing where it is already. */
  publish(file: FileName & { readonly bytes: number }): Promise<void>;
  /** Removes all that a job has made, complete or not. */
  remove(job: string): Promise<void>;
}

export const missingFile = (name: string, cause?: unknown): FhirError =>
  new FhirError('not-found', `the file ${name} is not there any more: begin the job again`, { cause });

/** Writes what is on its way to where `done` is told by; a stream that is destroyed forgets the write that it is at. */
export const writeInto = (stream: Writable, text: string, done: Promise<void>): Promise<void> =>
  Promise.race([
    new Promise<void>((resolve, reject) => {
      stream.write(text, (error) => (error ? reject(error) : resolve()));
    }),
    done,
  ]);
