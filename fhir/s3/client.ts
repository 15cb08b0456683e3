/** The one file that knows the SDK's client; loaded only where an address is s3://, since it takes 0.1 s and 35 MB. */
import { S3Client } from '@aws-sdk/client-s3';
import type { S3Settings } from './settings.ts';

/** Of one attempt. A part of a file has 8 MB. */
const CONNECT_MS = 3000;
const ANSWER_MS = 15_000;
const IDLE_MS = 15_000;
const ATTEMPTS = 3;
const SOCKETS = 64;

export const createS3Client = ({ endpoint, region, ca }: S3Settings): S3Client => {
  const agent = { keepAlive: true, maxSockets: SOCKETS };
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    maxAttempts: ATTEMPTS,
    retryMode: 'standard',
    // Every write has a SHA-256 of ours, and what is read is verified by what it is; other checksums not all stores know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      requestTimeout: ANSWER_MS,
      throwOnRequestTimeout: true,
      socketTimeout: IDLE_MS,
      httpAgent: agent,
      httpsAgent: { ...agent, ...(ca !== undefined && { ca }) },
    },
  });
};
