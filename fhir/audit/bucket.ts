/** The append-only bucket, whatever holds it: a folder (folder-bucket.ts) or a bucket of an S3 store (s3-bucket.ts). */

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
