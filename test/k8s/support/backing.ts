/** What production takes from outside, in a namespace of its own: PostgreSQL with TLS, Valkey, and an S3 store with Object Lock. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { claimFolder, writeRoot } from '../../../local/image/root-folder.ts';
import { planRoot } from '../../../local/image/component-root.ts';
import { COMPONENTS } from '../../../local/image/table.ts';
import { weedBinary } from '../../../local/toolchain.ts';
import type { TestAuthority } from './certificates.ts';
import { IDLE, NODE, restrictedPod } from './client-pod.ts';
import type { Manifest, Namespace } from './cluster.ts';
import { type Images, imageName, writeProgramRoot } from './images.ts';

export interface Backing {
  readonly space: Namespace;
  /** Address of a service inside of the cluster. */
  readonly host: (name: 'postgres' | 'valkey' | 's3') => string;
  readonly passwords: { readonly owner: string; readonly redis: string };
  readonly s3Keys: { readonly 'access-key-id': string; readonly 'secret-access-key': string };
  readonly bucket: string;
  /** Runs an ES module in a pod that has the project's auditor and the client of S3; the working folder is the project. */
  readonly tool: (args: readonly string[], input?: string) => Promise<string>;
  readonly s3Port: number;
}

const S3_PORT = 8333;
const BUCKET = 'audit';

export const secretText = (): string => randomBytes(18).toString('hex');

const service = (name: string, port: number): Manifest => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector: { app: name }, ports: [{ port, targetPort: port }] },
});
const secret = (name: string, stringData: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name },
  stringData,
});
const secretVolume = (name: string): Manifest => ({ name, secret: { secretName: name, defaultMode: 0o440 } });
const probe = (port: number): Manifest => ({ readinessProbe: { tcpSocket: { port }, periodSeconds: 1 } });

/** Brings the images that only a test needs: the S3 store, and the auditor's tools. */
const loadTools = async (images: Images, weed: string, work: string): Promise<void> => {
  const folder = join(work, 'tools');
  claimFolder(folder);
  const relay = COMPONENTS.find(({ name }) => name === 'relay')!;
  writeRoot(folder, 'auditor', planRoot({ ...relay, name: 'auditor', entries: ['fhir/audit/cli.ts'] }), new Map());
  writeProgramRoot(join(work, 'weed'), weed, 'weed');
  await images.load('auditor', images.tag, join(folder, 'auditor'));
  await images.load('weed', images.tag, join(work, 'weed'));
};

const storePod = (image: string): Manifest =>
  restrictedPod({
    name: 's3',
    image,
    labels: { app: 's3' },
    command: [
      '/usr/local/bin/weed',
      '-logtostderr=true',
      'server',
      '-dir=/data',
      '-ip=$(POD_IP)',
      '-ip.bind=0.0.0.0',
      '-filer',
      '-s3',
      `-s3.port=${S3_PORT}`,
      '-s3.cert.file=/run/tls/tls.crt',
      '-s3.key.file=/run/tls/tls.key',
      '-s3.config=/run/s3/s3.json',
      '-s3.iam=false',
      '-s3.autoCreateBucket=false',
      '-s3.port.iceberg=0',
      '-s3.port.lance=0',
      '-filer.localSocket=/tmp/filer.sock',
      '-s3.localSocket=/tmp/s3.sock',
      '-master.telemetry=false',
      '-master.volumeSizeLimitMB=64',
      '-volume.max=40',
    ],
    env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    mounts: [
      { name: 's3-config', mountPath: '/run/s3' },
      { name: 's3-tls', mountPath: '/run/tls' },
      { name: 'data', mountPath: '/data' },
    ],
    volumes: [secretVolume('s3-config'), secretVolume('s3-tls'), { name: 'data', emptyDir: {} }],
    more: { workingDir: '/tmp', ...probe(S3_PORT) },
  });

const databasePod = (image: string): Manifest =>
  restrictedPod({
    name: 'postgres',
    image,
    labels: { app: 'postgres' },
    command: [
      NODE,
      'local/image/postgres.ts',
      ...['ssl=on', 'ssl_cert_file=/run/tls/tls.crt', 'ssl_key_file=/run/tls/tls.key', 'max_connections=300'].flatMap((setting) => [
        '-c',
        setting,
      ]),
    ],
    env: [
      { name: 'PGDATA', value: '/var/lib/postgresql/volume/data' },
      { name: 'POSTGRES_PASSWORD_FILE', value: '/run/password/password' },
    ],
    mounts: [
      { name: 'data', mountPath: '/var/lib/postgresql/volume' },
      { name: 'postgres-tls', mountPath: '/run/tls' },
      { name: 'owner', mountPath: '/run/password' },
    ],
    volumes: [{ name: 'data', emptyDir: {} }, secretVolume('postgres-tls'), secretVolume('owner')],
    more: { workingDir: '/app', ...probe(5432) },
  });

const redisPod = (image: string): Manifest =>
  restrictedPod({
    name: 'valkey',
    image,
    labels: { app: 'valkey' },
    command: [NODE, 'local/image/valkey.ts'],
    env: [
      { name: 'VALKEY_DATA', value: '/data' },
      { name: 'VALKEY_PASSWORD_FILE', value: '/run/password/password' },
    ],
    mounts: [
      { name: 'data', mountPath: '/data' },
      { name: 'redis', mountPath: '/run/password' },
    ],
    volumes: [{ name: 'data', emptyDir: {} }, secretVolume('redis')],
    more: { workingDir: '/app', ...probe(6379) },
  });

const CREATE_BUCKET = `
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
const client = new S3Client({ endpoint: process.env.S3_ENDPOINT, forcePathStyle: true });
for (let tries = 0; ; tries++) {
  try {
    await client.send(new CreateBucketCommand({ Bucket: '${BUCKET}', ObjectLockEnabledForBucket: true }));
    break;
  } catch (error) {
    if (tries > 60) throw error;
    await new Promise((done) => setTimeout(done, 500));
  }
}
`;

/** Why there can be no S3 store, so no production; undefined where there can. */
export const noStore = (): string | undefined =>
  (process.env['K8S_S3_BINARY'] ?? weedBinary()) === undefined
    ? 'no S3 store: the download of SeaweedFS failed; set K8S_S3_BINARY to its program (weed, statically linked)'
    : undefined;

export const startBacking = async (space: Namespace, images: Images, authority: TestAuthority, work: string): Promise<Backing> => {
  await loadTools(images, process.env['K8S_S3_BINARY'] ?? weedBinary()!, work);
  const host = (name: string): string => `${name}.${space.name}.svc.cluster.local`;
  const passwords = { owner: secretText(), redis: secretText() };
  const s3Keys = { 'access-key-id': randomBytes(8).toString('hex'), 'secret-access-key': randomBytes(16).toString('hex') };
  const tls = async (name: string): Promise<Manifest> => {
    const { cert, key } = await authority.issue({ subject: name, dns: [host(name)], usage: 'server' });
    return secret(`${name}-tls`, { 'tls.crt': cert, 'tls.key': key });
  };
  const image = (name: string): string => `${imageName(name)}:${images.tag}`;
  const credentials = [{ accessKey: s3Keys['access-key-id'], secretKey: s3Keys['secret-access-key'] }];
  const identities = [{ name: 'test', credentials, actions: ['Admin', 'Read', 'Write', 'List', 'Tagging'] }];
  await space.apply(
    secret('owner', { password: passwords.owner }),
    secret('redis', { password: passwords.redis }),
    secret('s3-config', { 's3.json': JSON.stringify({ identities }) }),
    secret('ca', { 'ca.crt': authority.caPem }),
    await tls('postgres'),
    await tls('s3'),
    service('postgres', 5432),
    service('valkey', 6379),
    service('s3', S3_PORT),
    databasePod(image('postgres')),
    redisPod(image('valkey')),
    storePod(image('weed')),
    restrictedPod({
      name: 'tool',
      image: image('auditor'),
      command: IDLE,
      env: [
        { name: 'S3_ENDPOINT', value: `https://${host('s3')}:${S3_PORT}` },
        { name: 'S3_CA_FILE', value: '/run/ca/ca.crt' },
        { name: 'NODE_EXTRA_CA_CERTS', value: '/run/ca/ca.crt' },
        { name: 'AWS_REGION', value: 'us-east-1' },
        { name: 'AWS_ACCESS_KEY_ID', value: s3Keys['access-key-id'] },
        { name: 'AWS_SECRET_ACCESS_KEY', value: s3Keys['secret-access-key'] },
      ],
      mounts: [{ name: 'ca', mountPath: '/run/ca' }],
      volumes: [secretVolume('ca')],
      more: { workingDir: '/app' },
    }),
  );
  await space.kubectl(['wait', '--for=condition=Ready', 'pod/postgres', 'pod/valkey', 'pod/s3', 'pod/tool', '--timeout=120s']);
  const tool = (args: readonly string[], input?: string): Promise<string> => space.exec('tool', 'main', [NODE, ...args], input);
  await tool(['--input-type=module', '-e', CREATE_BUCKET]);
  return { space, host, passwords, s3Keys, bucket: BUCKET, tool, s3Port: S3_PORT };
};
