import { readFileSync } from 'node:fs';
import type { EnvReader } from '../../proto/process/env.ts';

/** How the store is reached. Credentials are found as every AWS client finds them: environment, web identity (IRSA), pod identity, profile. */
export interface S3Settings {
  /** Of a store that isn't AWS's own. */
  readonly endpoint: string | undefined;
  readonly region: string;
  /** PEM of the authorities that may have signed the store's certificate. */
  readonly ca: string | undefined;
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Throws where no store is named, or S3_ENDPOINT would send what is stored over a network in the clear without S3_PLAINTEXT=on. */
export const s3Settings = (env: EnvReader): S3Settings => {
  const endpoint = env.optional('S3_ENDPOINT');
  const plaintext = env.choice('S3_PLAINTEXT', ['off', 'on']) === 'on';
  if (endpoint !== undefined) {
    const url = URL.parse(endpoint);
    if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '')
      throw new Error('S3_ENDPOINT is no address of a store: give https://host:port, without a name or password in it');
    if (url.protocol === 'http:' && !LOOPBACK.has(url.hostname) && !plaintext)
      throw new Error(`S3_ENDPOINT=${endpoint} is not encrypted: use https://, or set S3_PLAINTEXT=on where the network may see the data`);
  }
  const region = env.optional('AWS_REGION') ?? (endpoint === undefined ? undefined : 'us-east-1');
  if (region === undefined)
    throw new Error('AWS_REGION is not set: give the region of the bucket, or S3_ENDPOINT of a store that is not AWS');
  const caFile = env.optional('S3_CA_FILE');
  return {
    endpoint,
    region,
    ca: caFile === undefined ? undefined : readFileSync(caFile, 'utf8'),
  };
};
