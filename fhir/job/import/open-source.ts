/** Finds by its address what holds the files to import. */
import type { EnvReader } from '../../../proto/process/env.ts';
import { parseS3Address } from '../../s3/address.ts';
import { folderSource } from './folder-source.ts';
import type { ImportSource } from './import-source.ts';

/** At a folder or `s3://bucket/prefix`; undefined without an address. */
export const openImportSource = async (address: string | undefined, env: EnvReader): Promise<ImportSource | undefined> => {
  if (address === undefined) return undefined;
  const s3 = parseS3Address(address);
  return s3 === undefined ? folderSource(address) : (await import('./s3-source.ts')).s3Source(s3, env);
};
