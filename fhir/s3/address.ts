/** Where an S3 store's objects lie. */
export interface S3Address {
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[A-Za-z0-9_=-][A-Za-z0-9._=-]*(?:\/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*$/;

/** Undefined for a folder; throws where an address is neither a folder nor `s3://bucket/prefix`. */
export const parseS3Address = (address: string): S3Address | undefined => {
  if (!address.includes('://')) return undefined;
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]*)\/?(.*?)\/?$/.exec(address) ?? [];
  if (!BUCKET.test(bucket) || (path !== '' && !PREFIX.test(path)))
    throw new Error(`${address} is no place for files: give a folder, or s3://bucket/prefix`);
  return { bucket, prefix: path === '' ? '' : `${path}/` };
};
