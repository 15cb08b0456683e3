/** The objects below an address: the few calls that are needed of a store, each with its time limit and bounded retries. */
import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { S3Address } from './address.ts';
import { createS3Client } from './client.ts';
import type { S3Settings } from './settings.ts';
import { StoreError } from './store-error.ts';

export interface ObjectHead {
  readonly size: number;
  readonly modifiedMs: number;
  readonly etag: string;
  /** Base64; undefined where it was stored in parts. */
  readonly sha256: string | undefined;
  readonly lockMode: string | undefined;
  readonly lockedUntilMs: number | undefined;
}

export interface PutOptions {
  /** Only where nothing is. */
  readonly isNew?: boolean;
  /** Nobody can remove or change this version before. */
  readonly lockedUntil?: Date | undefined;
}

export interface GetOptions {
  /** First byte and the one after the last. */
  readonly range?: readonly [number, number];
  /** The version that must be there. */
  readonly etag?: string;
}

/** Throws StoreError where the store says no or nothing. Keys are below the address. */
export interface Objects extends S3Address {
  readonly client: S3Client;
  /** Runs a command of the SDK with this module's time limit and errors. */
  call<T>(operation: string, key: string, send: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** False where something is there already and `isNew`. */
  put(key: string, bytes: Buffer, options?: PutOptions): Promise<boolean>;
  head(key: string): Promise<ObjectHead | undefined>;
  /** Undefined where there is nothing; throws with status 412 where there is another version. */
  get(key: string, options?: GetOptions): Promise<Buffer | undefined>;
  /**
   * The bytes of an object from an offset on, asked for piece by piece: a reader that rests holds no connection. Throws with status 412, or
   * 404, where it isn't there any more as it was.
   */
  read(key: string, object: Pick<ObjectHead, 'size' | 'etag'>, offset?: number): AsyncGenerator<Buffer>;
  /** Keys that begin with `start`, in order, those after `after` only; with `folders: false` none with a further slash. */
  list(start: string, options?: { readonly after?: string; readonly folders?: boolean }): AsyncGenerator<string>;
  remove(key: string): Promise<void>;
}

/** Of a call with all its attempts. */
const CALL_MS = 40_000;
/** Two put at the same key at the same moment: the store asks one of them to come again. */
const CONFLICT_ATTEMPTS = 5;
const CONFLICT_MS = 50;
/** A segment has 4 MB before it is packed; nothing that is read as a whole is much larger. */
const MAX_GET_BYTES = 64 << 20;
const PIECE_BYTES = 2 << 20;

export const sha256Base64 = (bytes: Buffer): string => hash('sha256', bytes, 'base64');

export const openObjects = ({ bucket, prefix }: S3Address, settings: S3Settings): Objects => {
  const client = createS3Client(settings);
  const at = (key: string): { Bucket: string; Key: string } => ({ Bucket: bucket, Key: prefix + key });

  const call = async <T>(operation: string, key: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), CALL_MS);
    try {
      return await send(late.signal);
    } catch (error) {
      throw new StoreError(operation, `s3://${bucket}/${prefix}${key}`, error);
    } finally {
      clearTimeout(timer); // a stream that was begun goes on
    }
  };
  const unlessMissing = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      // Without the permission to list, a store says 403 for what isn't there: that stays an error.
      if (error instanceof StoreError && error.status === 404 && !error.code.includes('NoSuchBucket')) return undefined;
      throw error;
    }
  };

  const put = async (key: string, bytes: Buffer, { isNew = false, lockedUntil }: PutOptions = {}): Promise<boolean> => {
    const command = new PutObjectCommand({
      ...at(key),
      Body: bytes,
      ContentLength: bytes.length,
      ChecksumSHA256: sha256Base64(bytes),
      ...(isNew && { IfNoneMatch: '*' }),
      ...(lockedUntil !== undefined && { ObjectLockMode: 'COMPLIANCE', ObjectLockRetainUntilDate: lockedUntil }),
    });
    for (let attempt = 1; ; attempt++) {
      try {
        await call('PutObject', key, (abortSignal) => client.send(command, { abortSignal }));
        return true;
      } catch (error) {
        const { status } = error as StoreError;
        if (isNew && status === 412) return false;
        if (status !== 409 || attempt === CONFLICT_ATTEMPTS) throw error;
        await sleep(CONFLICT_MS * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  };

  const get = (key: string, { range, etag }: GetOptions = {}): Promise<Buffer | undefined> => {
    const command = new GetObjectCommand({
      ...at(key),
      ...(range !== undefined && { Range: `bytes=${range[0]}-${range[1] - 1}` }),
      ...(etag !== undefined && { IfMatch: etag }),
    });
    return unlessMissing(
      call('GetObject', key, async (abortSignal) => {
        const { Body, ContentLength = 0 } = await client.send(command, { abortSignal });
        if (ContentLength > MAX_GET_BYTES) {
          (Body as Readable).destroy();
          throw Object.assign(new Error(), { code: `TooLarge ${ContentLength}` });
        }
        return Buffer.from(await Body!.transformToByteArray());
      }),
    );
  };

  return {
    bucket,
    prefix,
    client,
    call,
    put,
    get,
    read: async function* (key, { size, etag }, offset = 0) {
      for (let position = offset; position < size;) {
        const end = Math.min(position + PIECE_BYTES, size);
        const piece = await get(key, { range: [position, end], etag });
        if (piece?.length !== end - position)
          throw new StoreError('GetObject', `s3://${bucket}/${prefix}${key}`, { code: 'Gone', $metadata: { httpStatusCode: 404 } });
        position = end;
        yield piece;
      }
    },
    head: async (key) => {
      const command = new HeadObjectCommand({ ...at(key), ChecksumMode: 'ENABLED' });
      const found = await unlessMissing(call('HeadObject', key, (abortSignal) => client.send(command, { abortSignal })));
      return (
        found && {
          size: found.ContentLength ?? -1,
          modifiedMs: found.LastModified?.getTime() ?? 0,
          etag: found.ETag ?? '',
          sha256: found.ChecksumSHA256,
          lockMode: found.ObjectLockMode,
          lockedUntilMs: found.ObjectLockRetainUntilDate?.getTime(),
        }
      );
    },
    list: async function* (start, { after, folders = true } = {}) {
      let token: string | undefined;
      do {
        const command = new ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix + start,
          ...(after !== undefined && { StartAfter: prefix + after }),
          ...(!folders && { Delimiter: '/' }),
          ...(token !== undefined && { ContinuationToken: token }),
        });
        const page = await call('ListObjectsV2', start, (abortSignal) => client.send(command, { abortSignal }));
        for (const { Key = '' } of page.Contents ?? []) yield Key.slice(prefix.length);
        token = page.IsTruncated ? page.NextContinuationToken : undefined;
      } while (token !== undefined);
    },
    remove: async (key) => {
      await call('DeleteObject', key, (abortSignal) => client.send(new DeleteObjectCommand(at(key)), { abortSignal }));
    },
  };
};
