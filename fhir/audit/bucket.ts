/** The append-only bucket, whatever holds it: a folder (folder-bucket.ts) or a bucket of an S3 store (s3-bucket.ts). */
import { existsSync } from 'node:fs';
import type { EnvReader } from '../../proto/process/env.ts';
import { parseS3Address } from '../s3/address.ts';
import { openFolderBucket, readFolderBucket } from './folder-bucket.ts';

export interface ReadableBucket {
  /** Undefined where there is nothing. */
  get(path: string): Promise<Buffer | undefined>;
  /** Names in a folder, in order, those after `after` only; none where there is no such folder. */
  list(folder: string, after?: string): AsyncIterable<string>;
}

/** The store can't keep what is put there as it must be kept: somebody has to look. */
export class UnfitBucketError extends Error {
  override readonly name = 'UnfitBucketError';
}

export interface Bucket extends ReadableBucket {
  /** Throws UnfitBucketError where the store can't protect what is kept. */
  prepare(): Promise<void>;
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

/** Opens a folder or `s3://bucket/prefix`; only then the store's client is loaded. */
export const openBucket = async (address: string, env: EnvReader): Promise<Bucket> => {
  const s3 = parseS3Address(address);
  return s3 === undefined ? openFolderBucket(address) : (await import('./s3-bucket.ts')).openS3Bucket(s3, env);
};

/** For the auditor: nothing is written. Throws where there is no such folder. */
export const readBucket = async (address: string, env: EnvReader): Promise<ReadableBucket> => {
  const s3 = parseS3Address(address);
  if (s3 !== undefined) return (await import('./s3-bucket.ts')).readS3Bucket(s3, env);
  if (!existsSync(address)) throw new Error(`there is no bucket at ${address}: give its folder, or s3://bucket/prefix, with --bucket`);
  return readFolderBucket(address);
};
