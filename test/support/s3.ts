/**
 * A real S3 store with Object Lock: the server that TEST_S3_ENDPOINT names (credentials as AWS clients find them), else SeaweedFS from the
 * pinned wheel, on 127.0.0.1 and in a temporary folder.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  S3Client,
  type HeadObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { createGuardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startProcess, waitUntil } from '../../local/processes.ts';
import { weedBinary } from '../../local/toolchain.ts';

export interface TestStore {
  /** What a process needs to reach it. */
  readonly env: Readonly<Record<string, string>>;
  readonly client: S3Client;
  /** A new bucket, with Object Lock unless told otherwise. */
  readonly createBucket: (options?: { readonly isLocking?: boolean }) => Promise<string>;
  readonly head: (bucket: string, key: string) => Promise<HeadObjectCommandOutput>;
  /** The versions of what begins with a prefix. */
  readonly versions: (bucket: string, prefix: string) => Promise<{ readonly key: string; readonly version: string }[]>;
  /** The HTTP status of a try to remove a version for good. */
  readonly removeVersion: (bucket: string, key: string, version: string) => Promise<number>;
  /** Stops answering, and goes on; undefined where the server isn't ours. */
  readonly pause: (() => () => void) | undefined;
  readonly stop: () => Promise<void>;
}

/** Why there is no store here; undefined where there is one. */
export const noStore = (): string | undefined =>
  process.env['TEST_S3_ENDPOINT'] || weedBinary() !== undefined
    ? undefined
    : 'skipped: no S3 store here (npm test installs one, or set TEST_S3_ENDPOINT)';

const startWeed = async (): Promise<{ env: Record<string, string>; pid: number; stop: () => Promise<void> }> => {
  const dir = mkdtempSync(join(tmpdir(), 'portcullis-s3-'));
  const [accessKey, secretKey] = [randomBytes(8).toString('hex'), randomBytes(16).toString('hex')];
  const identity = { name: 'test', credentials: [{ accessKey, secretKey }], actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] };
  writeFileSync(join(dir, 's3.json'), JSON.stringify({ identities: [identity] }), { mode: 0o600 });
  const names = ['master', 'volume', 'filer', 's3'];
  const ports = await freePorts(2 * names.length);
  const port = Object.fromEntries(names.map((name, i) => [name, ports[i]!]));
  const running = await startProcess({
    name: 'weed',
    command: weedBinary()!,
    args: [
      '-logtostderr=true',
      'server',
      `-dir=${dir}`,
      '-ip=127.0.0.1',
      '-ip.bind=127.0.0.1',
      ...names.flatMap((name, i) => [`-${name}.port=${ports[i]!}`, `-${name}.port.grpc=${ports[names.length + i]!}`]),
      '-filer',
      '-s3',
      `-s3.config=${join(dir, 's3.json')}`,
      '-s3.iam=false',
      '-s3.autoCreateBucket=false',
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      `-filer.localSocket=${join(dir, 'filer.sock')}`,
      `-s3.localSocket=${join(dir, 's3.sock')}`,
      '-master.telemetry=false',
      '-master.volumeSizeLimitMB=64',
      '-volume.max=40',
    ],
    log: join(dir, 'weed.log'),
    guardian: createGuardian(),
  });
  const endpoint = `http://127.0.0.1:${port['s3']!}`;
  await waitUntil(running, () =>
    fetch(endpoint).then(
      () => true,
      () => false,
    ),
  );
  return {
    env: { S3_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey, AWS_REGION: 'us-east-1' },
    pid: running.pid,
    stop: async () => {
      running.kill('SIGCONT');
      await running.stop(2000);
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

const given = (endpoint: string): Record<string, string> => {
  const env: Record<string, string> = { S3_ENDPOINT: endpoint };
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION', 'S3_CA_FILE', 'S3_PLAINTEXT'])
    if (process.env[name] !== undefined) env[name] = process.env[name];
  return env;
};

/** Throws where {@link noStore} says why. */
export const startStore = async (): Promise<TestStore> => {
  const endpoint = process.env['TEST_S3_ENDPOINT'];
  const server = endpoint ? undefined : await startWeed();
  const env = server?.env ?? given(endpoint!);
  // What this process opens itself finds its credentials here.
  Object.assign(process.env, env);
  const client = new S3Client({
    endpoint: env['S3_ENDPOINT']!,
    region: env['AWS_REGION'] ?? 'us-east-1',
    forcePathStyle: true,
  });
  return {
    env,
    client,
    createBucket: async ({ isLocking = true } = {}) => {
      const name = `portcullis-test-${randomBytes(6).toString('hex')}`;
      await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: isLocking }));
      return name;
    },
    head: (bucket, key) => client.send(new HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' })),
    versions: async (bucket, prefix) => {
      const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: bucket, Prefix: prefix }));
      return Versions.map(({ Key, VersionId }) => ({ key: Key!, version: VersionId! }));
    },
    removeVersion: (bucket, key, version) =>
      client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key, VersionId: version })).then(
        ({ $metadata }) => $metadata.httpStatusCode!,
        ({ $metadata }: { $metadata: { httpStatusCode: number } }) => $metadata.httpStatusCode,
      ),
    pause:
      server &&
      (() => {
        process.kill(server.pid, 'SIGSTOP');
        return () => void process.kill(server.pid, 'SIGCONT');
      }),
    stop: async () => {
      client.destroy();
      await server?.stop();
    },
  };
};
