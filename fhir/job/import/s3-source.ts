import type { EnvReader } from '../../../proto/process/env.ts';
import type { S3Address } from '../../s3/address.ts';
import { openObjects } from '../../s3/objects.ts';
import { s3Settings } from '../../s3/settings.ts';
import { StoreError } from '../../s3/store-error.ts';
import { unlessAway } from '../store-away.ts';
import { changedFile, type ImportSource, noSuchFile, requireName } from './import-source.ts';

/** Needs s3:GetObject and s3:ListBucket. */
export const s3Source = (address: S3Address, env: EnvReader): ImportSource => {
  const objects = openObjects(address, s3Settings(env));
  return {
    find: async (name, type) => {
      requireName(name);
      const head = await unlessAway(objects.head(name));
      if (head === undefined) throw noSuchFile(name);
      return { name, type, size: head.size, modifiedMs: head.modifiedMs, etag: head.etag };
    },
    read: async function* ({ name, size, etag }, offset) {
      requireName(name);
      // A job that began with a folder has no content to compare with.
      if (etag === undefined) throw changedFile(name);
      try {
        yield* objects.read(name, { size, etag }, offset);
      } catch (error) {
        if (error instanceof StoreError && (error.status === 412 || error.status === 404)) throw changedFile(name);
        throw error;
      }
    },
  };
};
