/** A pod of a namespace of its own that acts as a client: certificates and scripts come from a Secret and a ConfigMap. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest, Namespace } from './cluster.ts';
import { imageName } from './images.ts';

export const NODE = '/usr/local/bin/node';
const SCRIPTS = ['ask.mjs', 'load.mjs', 'reach.mjs'];

export interface Credentials {
  readonly 'ca.crt': string;
  readonly 'tls.crt': string;
  readonly 'tls.key': string;
}

export interface Edge {
  /** The Service of Envoy as seen from another namespace. */
  readonly host: string;
  readonly port: number;
  readonly servername: string;
}

export interface Request {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answer {
  /** 0: there was none. */
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly error?: string;
}

export interface AskOptions {
  /** Requests under way at once; one without it. */
  readonly lanes?: number;
  /** A connection for several requests; without it each may end at another Envoy. */
  readonly isKeeping?: boolean;
}

export interface ClientPod {
  readonly space: Namespace;
  readonly name: string;
  readonly ask: (edge: Edge, client: string, requests: readonly Request[], options?: AskOptions) => Promise<readonly Answer[]>;
  readonly node: (args: readonly string[], input?: string) => Promise<string>;
}

const CONTAINER_SECURITY = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } };

export interface PodOptions {
  readonly name: string;
  readonly image: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  readonly env?: readonly Manifest[];
  readonly mounts?: readonly Manifest[];
  readonly volumes?: readonly Manifest[];
  readonly more?: Manifest;
}

/** A pod as the standard "restricted" wants it. */
export const restrictedPod = ({
  name,
  image,
  labels = {},
  command,
  env = [],
  mounts = [],
  volumes = [],
  more = {},
}: PodOptions): Manifest => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 1,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 65532,
      runAsGroup: 65532,
      fsGroup: 65532,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'IfNotPresent',
        command,
        env,
        securityContext: CONTAINER_SECURITY,
        resources: { requests: { cpu: '10m', memory: '48Mi' } },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...mounts],
        ...more,
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: {} }, ...volumes],
  },
});

/** Node that waits to be told what to do by kubectl exec. */
export const IDLE = [NODE, '-e', 'setInterval(() => undefined, 1 << 30); process.on("SIGTERM", () => process.exit(0))'];

export const startClientPod = async (space: Namespace, tag: string, clients: Readonly<Record<string, Credentials>>): Promise<ClientPod> => {
  const data = Object.fromEntries(SCRIPTS.map((file) => [file, readFileSync(join(import.meta.dirname, '../pods', file), 'utf8')]));
  const ids = Object.keys(clients);
  await space.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'scripts' }, data },
    ...ids.map((id) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: `client-${id}` }, stringData: clients[id] })),
    restrictedPod({
      name: 'client',
      image: `${imageName('fhir')}:${tag}`,
      command: IDLE,
      mounts: [
        { name: 'scripts', mountPath: '/run/scripts' },
        ...ids.map((id) => ({ name: `client-${id}`, mountPath: `/run/clients/${id}`, readOnly: true })),
      ],
      volumes: [
        { name: 'scripts', configMap: { name: 'scripts' } },
        ...ids.map((id) => ({ name: `client-${id}`, secret: { secretName: `client-${id}`, defaultMode: 0o440 } })),
      ],
    }),
  );
  await space.kubectl(['wait', '--for=condition=Ready', 'pod/client', '--timeout=90s']);
  const node = (args: readonly string[], input?: string): Promise<string> => space.exec('client', 'main', [NODE, ...args], input);
  return {
    space,
    name: 'client',
    node,
    ask: async (edge, client, requests, options = {}) =>
      JSON.parse(
        await node(['/run/scripts/ask.mjs'], JSON.stringify({ ...edge, tls: `/run/clients/${client}`, requests, ...options })),
      ) as Answer[],
  };
};
