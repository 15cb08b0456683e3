/** The append-only bucket in an S3 store: what is kept is locked there, each object on its own, for longer than it must be kept. */
import { GetBucketVersioningCommand, GetObjectLockConfigurationCommand, PutObjectRetentionCommand } from '@aws-sdk/client-s3';
import type { EnvReader } from '../../proto/process/env.ts';
import type { S3Address } from '../s3/address.ts';
import { type ObjectHead, type Objects, openObjects, sha256Base64 } from '../s3/objects.ts';
import { s3Settings } from '../s3/settings.ts';
import { StoreError } from '../s3/store-error.ts';
import { isKept } from './bucket-format.ts';
import { type Bucket, type ReadableBucket, UnfitBucketError } from './bucket.ts';
import { eachOf } from '../in-order.ts';

const DAY_MS = 86_400_000;
const SEVEN_YEARS = 2557;
const DELETES_AT_ONCE = 16;

const readable = (objects: Objects): ReadableBucket => ({
  get: (path) => objects.get(path),
  list: async function* (folder, after) {
    const start = `${folder}/`;
    for await (const key of objects.list(start, { folders: false, ...(after !== undefined && { after: start + after }) }))
      yield key.slice(start.length);
  },
});

/** For the auditor; needs s3:GetObject and s3:ListBucket. */
export const readS3Bucket = (address: S3Address, env: EnvReader): ReadableBucket => readable(openObjects(address, s3Settings(env)));

export const openS3Bucket = (address: S3Address, env: EnvReader): Bucket => {
  const objects = openObjects(address, s3Settings(env));
  const isLocking = env.choice('AUDIT_OBJECT_LOCK', ['on', 'off']) === 'on';
  const retentionMs = env.integer('AUDIT_RETENTION_DAYS', SEVEN_YEARS, { min: 1, max: 36_500 }) * DAY_MS;
  const { client, call, bucket, prefix } = objects;

  // By the store's own clock: a relay whose clock is years behind would lock for less. A day is the slack of a later attempt.
  const isLocked = ({ lockMode, lockedUntilMs = 0, modifiedMs }: ObjectHead): boolean =>
    lockMode === 'COMPLIANCE' && lockedUntilMs >= modifiedMs + retentionMs - DAY_MS;

  const lock = async (path: string): Promise<void> => {
    const command = new PutObjectRetentionCommand({
      Bucket: bucket,
      Key: prefix + path,
      Retention: { Mode: 'COMPLIANCE', RetainUntilDate: new Date(Date.now() + retentionMs) },
    });
    await call('PutObjectRetention', path, (abortSignal) => client.send(command, { abortSignal }));
  };

  /** It counts only when the store says that it has it: these bytes, and locked. */
  const requireStored = async (path: string, bytes: Buffer | undefined): Promise<void> => {
    const missing = (code: string): StoreError => new StoreError('HeadObject', `s3://${bucket}/${prefix}${path}`, { code });
    const head = await objects.head(path);
    if (head === undefined) throw missing('StoredAndNotThere');
    if (bytes !== undefined && (head.size !== bytes.length || head.sha256 !== sha256Base64(bytes))) throw missing('StoredAndNotTheSame');
    if (!isLocking || isLocked(head)) return;
    // Where it was there already, its lock may be a shorter one of former settings.
    if (bytes === undefined) await lock(path);
    const again = bytes === undefined ? await objects.head(path) : head;
    if (again === undefined || !isLocked(again))
      throw new UnfitBucketError(`the store did not lock ${path} for as long as was asked: has it Object Lock, and is this clock right?`);
  };

  return {
    ...readable(objects),
    prepare: async () => {
      if (!isLocking) return;
      const where = `the bucket ${bucket}`;
      const versioning = await call('GetBucketVersioning', '', (abortSignal) =>
        client.send(new GetBucketVersioningCommand({ Bucket: bucket }), { abortSignal }),
      );
      const config = await call('GetObjectLockConfiguration', '', (abortSignal) =>
        client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }), { abortSignal }),
      ).catch((error: StoreError) => {
        if (error.code.includes('ObjectLockConfigurationNotFound')) return undefined;
        throw error;
      });
      if (versioning.Status !== 'Enabled' || config?.ObjectLockConfiguration?.ObjectLockEnabled !== 'Enabled')
        throw new UnfitBucketError(
          `${where} has no Object Lock with versioning: what is sealed there could be removed. Create a bucket with Object Lock; where the ` +
            `store has none, AUDIT_OBJECT_LOCK=off leaves that to the store's operator`,
        );
    },
    putOnce: async (path, bytes) => {
      if (!isKept(path)) throw new Error(`${path} is not kept: it can't be locked`);
      const lockedUntil = isLocking ? new Date(Date.now() + retentionMs) : undefined;
      const isStored = await objects.put(path, bytes, { isNew: true, lockedUntil });
      await requireStored(path, isStored ? bytes : undefined);
      return isStored;
    },
    replace: async (path, bytes) => {
      if (isKept(path)) throw new Error(`${path} is kept: it is never replaced`);
      await objects.put(path, bytes);
    },
    removeFolder: async (path) => {
      const keys = await Array.fromAsync(objects.list(`${path}/`));
      if (keys.some(isKept)) throw new Error(`${path} holds what is kept: it is never removed`);
      await eachOf(keys, DELETES_AT_ONCE, objects.remove);
    },
  };
};
