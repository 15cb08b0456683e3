/** The append-only bucket, whatever holds it: a folder (folder-bucket.ts) or a bucket of an S3 store (s3-bucket.ts). */
import { existsSync } from 'node:fs';
import { openFolderBucket, readFolderBucket } from './folder-bucket.ts';

export interface ReadableBucket {
  /** Undefined where there is nothing. */
  get(path: string): Promise<Buffer | undefined>;
  /** Names in a folder, in order, those after `after` only; none where there is no such folder. */
  list(folder: string, after?: string): AsyncIterable<string>;
}

export interface Bucket extends ReadableBucket {
  /**
   * Stores for ever, under a path that nothing has yet (`isKept` in bucket-format.ts); false where something is there already. Durable,
   * and protected as the store can, when it resolves.
   */
  putOnce(path: string, bytes: Buffer): Promise<boolean>;
  /** Stores in place of what may be there. */
  replace(path: string, bytes: Buffer): Promise<void>;
  /** Removes everything in a folder. */
  removeFolder(path: string): Promise<void>;
}

export const openBucket = async (address: string): Promise<Bucket> => openFolderBucket(address);

/** For the auditor: nothing is written. Throws where there is no such bucket. */
export const readBucket = async (address: string): Promise<ReadableBucket> => {
  if (!existsSync(address)) throw new Error(`there is no bucket at ${address}: give its folder with --bucket`);
  return readFolderBucket(address);
};
