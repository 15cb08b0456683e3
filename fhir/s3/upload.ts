/** A large object in parts: it is there when the last call succeeds, and until then nothing is. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type Objects, sha256Base64 } from './objects.ts';

/** All parts but the last have 5 MB at least, by the store's rule. */
export const PART_BYTES = 8 << 20;

export interface Upload {
  /** The next part; those before are stored. */
  part(bytes: Buffer): Promise<void>;
  complete(): Promise<void>;
  abort(): Promise<void>;
}

export const beginUpload = async ({ client, call, bucket, prefix }: Objects, key: string): Promise<Upload> => {
  const at = { Bucket: bucket, Key: prefix + key };
  const begin = new CreateMultipartUploadCommand({ ...at, ChecksumAlgorithm: 'SHA256' });
  const { UploadId } = await call('CreateMultipartUpload', key, (abortSignal) => client.send(begin, { abortSignal }));
  const parts: CompletedPart[] = [];
  return {
    part: async (bytes) => {
      const number = parts.length + 1;
      const ChecksumSHA256 = sha256Base64(bytes);
      const command = new UploadPartCommand({
        ...at,
        UploadId,
        PartNumber: number,
        Body: bytes,
        ContentLength: bytes.length,
        ChecksumSHA256,
      });
      const { ETag } = await call('UploadPart', key, (abortSignal) => client.send(command, { abortSignal }));
      parts.push({ PartNumber: number, ETag, ChecksumSHA256 });
    },
    complete: async () => {
      const command = new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts: parts } });
      await call('CompleteMultipartUpload', key, (abortSignal) => client.send(command, { abortSignal }));
    },
    abort: async () => {
      const command = new AbortMultipartUploadCommand({ ...at, UploadId });
      await call('AbortMultipartUpload', key, (abortSignal) => client.send(command, { abortSignal }));
    },
  };
};

/** Ends what processes that died have begun below keys that begin with `start`. */
export const abortUploads = async ({ client, call, bucket, prefix }: Objects, start: string): Promise<void> => {
  const list = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix + start });
  const { Uploads = [] } = await call('ListMultipartUploads', start, (abortSignal) => client.send(list, { abortSignal }));
  for (const { Key, UploadId } of Uploads) {
    if (!Key?.startsWith(prefix + start)) continue;
    const command = new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId });
    await call('AbortMultipartUpload', Key, (abortSignal) => client.send(command, { abortSignal }));
  }
};
