/** Finds what holds the bucket by its address. */
import { existsSync } from 'node:fs';
import type { EnvReader } from '../../proto/process/env.ts';
import { parseS3Address } from '../s3/address.ts';
import type { Bucket, ReadableBucket } from './bucket.ts';
import { openFolderBucket, readFolderBucket } from './folder-bucket.ts';

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
