import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseS3Address } from '../../../fhir/s3/address.ts';
import { s3Settings } from '../../../fhir/s3/settings.ts';
import { readEnv } from '../../../proto/process/env.ts';

test('an address is a folder, or a bucket with a prefix that ends in a slash', () => {
  assert.is(parseS3Address('/var/audit'), undefined);
  assert.is(parseS3Address('exports'), undefined);
  assert.equal(parseS3Address('s3://audit'), { bucket: 'audit', prefix: '' });
  assert.equal(parseS3Address('s3://audit/'), { bucket: 'audit', prefix: '' });
  assert.equal(parseS3Address('s3://audit.example-1/a/b.c/'), { bucket: 'audit.example-1', prefix: 'a/b.c/' });
});

test('refuses what is neither', () => {
  for (const address of [
    'gs://audit/a',
    's3://',
    's3://A',
    's3://audit/../b',
    's3://audit/a//b',
    's3://audit/.hidden',
    's3://audit/a b',
    'S3://audit',
  ])
    assert.throws(() => parseS3Address(address), /is no place for files: give a folder, or s3:\/\//, address);
});

test('a store that is not encrypted is refused beyond this machine, unless that is allowed', () => {
  const open = (S3_ENDPOINT: string, more = {}): string | undefined => s3Settings(readEnv({ S3_ENDPOINT, ...more })).endpoint;
  for (const endpoint of ['https://minio.example:9000', 'http://127.0.0.1:9000', 'http://localhost:9000', 'http://[::1]:9000'])
    assert.is(open(endpoint), endpoint);
  assert.throws(() => open('http://minio.example:9000'), /is not encrypted: use https:\/\/, or set S3_PLAINTEXT=on/);
  assert.throws(() => open('http://127.0.0.1.example'), /is not encrypted/);
  assert.is(open('http://minio.example:9000', { S3_PLAINTEXT: 'on' }), 'http://minio.example:9000');
  for (const endpoint of ['minio:9000', 'ftp://minio', 'https://name:secret@minio'])
    assert.throws(() => open(endpoint), /without a name or password/);
});

test('a store that is AWS needs a region, and another one has a name for it', () => {
  assert.throws(() => s3Settings(readEnv({})), /AWS_REGION is not set: give the region of the bucket/);
  assert.is(s3Settings(readEnv({ AWS_REGION: 'eu-central-1' })).region, 'eu-central-1');
  assert.is(s3Settings(readEnv({ S3_ENDPOINT: 'https://minio.example' })).region, 'us-east-1');
});

test.run();
