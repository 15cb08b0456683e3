/** A release in mode production: every Secret and ConfigMap that the chart's README asks for is made here, as an operator would. */
import { randomBytes } from 'node:crypto';
import { createSigningKey } from '../../../fhir/audit/signing-key.ts';
import { type Backing, secretText, startBacking } from './backing.ts';
import { createAuthority, type TestAuthority } from './certificates.ts';
import { type ClientPod, type Edge, startClientPod } from './client-pod.ts';
import type { Cluster, Manifest, Namespace } from './cluster.ts';
import type { Images } from './images.ts';
import { merged, type Release, releaseIn, testValues, type Values } from './release.ts';

export interface Production {
  readonly release: Release;
  readonly backing: Backing;
  readonly authority: TestAuthority;
  /** What it is installed with; `tag` of other images. */
  readonly values: (over?: Values) => Values;
  readonly edge: Edge;
  /** Has the clients `ehr` (everything, unlimited) and `tester` (reads, 20 a minute). */
  readonly client: ClientPod;
  /** Of the audit trail. */
  readonly verifierKey: string;
}

export const RETENTION_DAYS = 30;

/** Pods leave as the chart has it, not as soon as in cases where nobody looks. */
export const CHART_DRAINS: Values = { gateway: { drain: undefined }, fhir: { drain: undefined } };

const CLIENTS = `clients:
  - id: ehr
    certificates: [{ dns: ehr.client.test }]
    scopes: [system/*.cruds]
    operations: ['*']
    tier: ehr
  - id: tester
    certificates: [{ dns: tester.client.test }]
    scopes: [system/*.cruds]
    tier: tester
`;
export const quotasFile = (testerLimit: number): string => `quotas:
  - { name: ehr, tier: ehr, limit: 10000000, per: minute }
  - { name: tester, tier: tester, limit: ${testerLimit}, per: minute }
`;

const object = (kind: 'Secret' | 'ConfigMap', name: string, data: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind,
  metadata: { name },
  [kind === 'Secret' ? 'stringData' : 'data']: data,
});

const makeSecrets = async (space: Namespace, authority: TestAuthority, backing: Backing, signingPem: string): Promise<void> => {
  const edge = await authority.issue({ subject: 'edge', dns: ['localhost'], usage: 'server' });
  const inside = await createAuthority('inside');
  const internal = async (part: string): Promise<Manifest> => {
    const { cert, key } = await inside.issue({ subject: part, dns: [`p-portcullis-${part}.${space.name}`], usage: 'both' });
    return object('Secret', `inside-${part}`, { 'tls.crt': cert, 'tls.key': key, 'ca.crt': inside.caPem });
  };
  await space.apply(
    object('Secret', 'edge', { 'tls.crt': edge.cert, 'tls.key': edge.key, 'ca.crt': authority.caPem }),
    object('Secret', 'client-ca', { 'ca.crt': authority.caPem, 'ca.crl': await authority.emptyCrl() }),
    await internal('envoy'),
    await internal('gateway'),
    await internal('fhir'),
    object('Secret', 'owner', { password: backing.passwords.owner }),
    object(
      'Secret',
      'roles',
      Object.fromEntries(['fhir_app', 'gateway_audit', 'audit_relay', 'audit_read'].map((role) => [role, secretText()])),
    ),
    object('Secret', 'redis', { password: backing.passwords.redis }),
    object('Secret', 'identity', { 'identity.keys': `k1:${randomBytes(32).toString('base64')}\n` }),
    object('Secret', 'signing', { 'audit-signing.pem': signingPem }),
    object('Secret', 's3', backing.s3Keys),
    object('Secret', 'ca', { 'ca.crt': authority.caPem }),
    object('ConfigMap', 'policy', { 'clients.yaml': CLIENTS, 'quotas.yaml': quotasFile(20) }),
  );
};

const valuesFor = (backing: Backing, images: Images): Values => {
  const peers = [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': backing.space.name } } }];
  return merged(testValues(images.tag), {
    mode: 'production',
    baseUrl: 'https://localhost/fhir',
    clients: { existingConfigMap: 'policy' },
    quotas: { existingConfigMap: 'policy' },
    tls: {
      edge: { source: 'secret', secretName: 'edge', dnsNames: ['localhost'] },
      clientCa: { secretName: 'client-ca', crl: true },
      internal: { source: 'secrets', envoySecret: 'inside-envoy', gatewaySecret: 'inside-gateway', fhirSecret: 'inside-fhir' },
    },
    database: { host: backing.host('postgres'), caSecret: { name: 'ca' }, owner: { secretName: 'owner' }, rolesSecret: 'roles' },
    redis: { host: backing.host('valkey'), tls: false, passwordSecret: { name: 'redis' } },
    audit: { bucket: `s3://${backing.bucket}/log`, retentionDays: RETENTION_DAYS, signingKeySecret: { name: 'signing' } },
    s3: { endpoint: `https://${backing.host('s3')}:${backing.s3Port}`, credentialsSecret: 's3', caSecret: { name: 'ca' } },
    identityKeysSecret: 'identity',
    envoy: { replicas: 2, hpa: { enabled: false } },
    gateway: { replicas: 2, hpa: { enabled: false } },
    fhir: { replicas: 2, hpa: { enabled: false } },
    networkPolicy: { database: { peers }, redis: { peers }, bucket: { peers, ports: [backing.s3Port] } },
    tests: { clientSecret: 'client-tester' },
  });
};

/** Brings everything up in two namespaces, and a client in a third; nothing of the chart is installed yet. */
export const prepareProduction = async (cluster: Cluster, images: Images, name: string, work: string): Promise<Production> => {
  const authority = await createAuthority('Portcullis test CA');
  const backing = await startBacking(await cluster.namespace(`${name}-backing`), images, authority, work);
  const space = await cluster.namespace(name);
  const release = releaseIn(space);
  const { privatePem, verifierKey } = createSigningKey('test.example/audit');
  await makeSecrets(space, authority, backing, privatePem);
  const credentials = async (id: string) => {
    const { cert, key } = await authority.issue({ subject: id, dns: [`${id}.client.test`], usage: 'client' });
    return { 'ca.crt': authority.caPem, 'tls.crt': cert, 'tls.key': key };
  };
  const [ehr, tester] = [await credentials('ehr'), await credentials('tester')];
  await space.apply(object('Secret', 'client-tester', tester));
  const client = await startClientPod(await cluster.namespace(`${name}-client`), images.tag, { ehr, tester });
  const values = valuesFor(backing, images);
  return {
    release,
    backing,
    authority,
    values: (over = {}) => merged(values, over),
    edge: { host: `${release.object('envoy')}.${space.name}`, port: 443, servername: 'localhost' },
    client,
    verifierKey,
  };
};
