import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnv } from '../../../proto/process/env.ts';
import { parseS3Address } from '../../s3/address.ts';
import type { ReadableBucket } from '../bucket.ts';
import { readBucket } from '../open-bucket.ts';
import { parseVerifierKey, type SigningKey } from '../signing-key.ts';

/** What every command of the auditor may be told. */
export const AUDITOR_OPTIONS = { bucket: { type: 'string' }, key: { type: 'string' } } as const;

const HOME = join('.portcullis', 'audit');

/** Where the log lies: by default where npm start puts it. */
export const bucketAddress = (given: string | undefined): string => given ?? join(HOME, 'bucket');

export const openAuditorBucket = (given: string | undefined): Promise<ReadableBucket> => readBucket(bucketAddress(given), readEnv());

/** The file that remembers the last checkpoint that was verified, for the next run. */
export const memoryOf = (address: string): string => {
  const s3 = parseS3Address(address);
  // Beside a folder; of a store here, where whoever can write there can't reach it.
  return s3 === undefined
    ? `${address.replace(/\/+$/, '')}.verified`
    : join(HOME, `${s3.bucket}-${s3.prefix.replaceAll('/', '-')}s3.verified`);
};

export const openVerifierKey = (given: string | undefined): SigningKey => {
  const file = given ?? join(HOME, 'public.key');
  if (!existsSync(file)) throw new Error(`there is no public key at ${file}: give its file with --key`);
  return parseVerifierKey(readFileSync(file, 'utf8'));
};

/** The value of an option such as `--max-age`; throws where it is none. */
export const wholeNumber = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new Error(`--${name} ${text} is not a whole number`);
  return Number(text);
};
