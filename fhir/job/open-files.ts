/** Finds by its address what holds the files of jobs. */
import type { EnvReader } from '../../proto/process/env.ts';
import { parseS3Address } from '../s3/address.ts';
import type { JobFiles } from './files.ts';
import { folderFiles } from './folder-files.ts';

/** At a folder or `s3://bucket/prefix`; undefined without an address. */
export const openJobFiles = async (address: string | undefined, env: EnvReader): Promise<JobFiles | undefined> => {
  if (address === undefined) return undefined;
  const s3 = parseS3Address(address);
  return s3 === undefined ? folderFiles(address) : (await import('./s3-files.ts')).s3Files(s3, env);
};
