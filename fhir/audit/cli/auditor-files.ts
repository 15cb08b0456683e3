import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ReadableBucket, readBucket } from '../bucket.ts';
import { parseVerifierKey, type SigningKey } from '../signing-key.ts';

/** What every command of the auditor may be told. */
export const AUDITOR_OPTIONS = { bucket: { type: 'string' }, key: { type: 'string' } } as const;

const HOME = join('.portcullis', 'audit');

/** Where the log lies; by default where npm start puts it. */
export const bucketFolder = (given: string | undefined): string => {
  const folder = given ?? join(HOME, 'bucket');
  if (!existsSync(folder)) throw new Error(`there is no bucket at ${folder}: give its folder with --bucket`);
  return folder;
};

export const openAuditorBucket = (given: string | undefined): ReadableBucket => readBucket(bucketFolder(given));

export const openVerifierKey = (given: string | undefined): SigningKey => {
  const file = given ?? join(HOME, 'public.key');
  if (!existsSync(file)) throw new Error(`there is no public key at ${file}: give its file with --key`);
  return parseVerifierKey(readFileSync(file, 'utf8'));
};
