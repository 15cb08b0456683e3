/** The cluster that KUBECONFIG names, and the namespaces that a run has in it. */
import { randomBytes } from 'node:crypto';
import { type Result, run, tryRun } from './command.ts';

// Objects of the cluster are read as they come: a missing member is a failed test.
// oxlint-disable-next-line typescript/no-explicit-any
export type Manifest = any;

export interface Cluster {
  /** A new namespace, where Pod Security "restricted" is enforced; gone at the end of the run. */
  readonly namespace: (name: string) => Promise<Namespace>;
  readonly hasKind: (name: string) => Promise<boolean>;
  readonly nodes: () => Promise<readonly string[]>;
  /** Removes every namespace of this run; waits until they are gone unless told otherwise. */
  readonly cleanUp: (options?: { readonly isWaiting?: boolean }) => Promise<void>;
}

export interface Namespace {
  readonly name: string;
  readonly kubectl: (args: readonly string[], input?: string) => Promise<string>;
  readonly tryKubectl: (args: readonly string[], input?: string) => Promise<Result>;
  readonly apply: (...manifests: readonly Manifest[]) => Promise<void>;
  /** An object as JSON; of a list its items. */
  readonly get: (...args: readonly string[]) => Promise<Manifest>;
  /** Runs a program in a container of a pod; throws when it fails. */
  readonly exec: (pod: string, container: string, command: readonly string[], input?: string) => Promise<string>;
  readonly remove: () => Promise<void>;
}

const LABEL = 'portcullis.dev/test-run';

const asNamespace = (name: string): Namespace => {
  const kubectl = (args: readonly string[], input?: string): Promise<string> =>
    run('kubectl', ['-n', name, ...args], input === undefined ? {} : { input });
  return {
    name,
    kubectl,
    tryKubectl: (args, input) => tryRun('kubectl', ['-n', name, ...args], input === undefined ? {} : { input }),
    apply: async (...items) => void (await kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))),
    get: async (...args) => {
      const found = JSON.parse(await kubectl(['get', ...args, '-o', 'json'])) as Manifest;
      return found.kind === 'List' || found.kind?.endsWith('List') ? found.items : found;
    },
    exec: (pod, container, command, input) =>
      kubectl(['exec', ...(input === undefined ? [] : ['-i']), pod, '-c', container, '--', ...command], input),
    remove: async () => void (await run('kubectl', ['delete', 'namespace', name, '--ignore-not-found', '--wait=true', '--timeout=170s'])),
  };
};

/** Throws where the cluster doesn't answer. */
export const openCluster = async (): Promise<Cluster> => {
  await run('kubectl', ['version', '--request-timeout=10s'], { limitMs: 20_000 });
  const id = randomBytes(3).toString('hex');
  return {
    namespace: async (name) => {
      const full = `pc-${name}-${id}`;
      const labels = {
        [LABEL]: id,
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/enforce-version': 'latest',
      };
      await run('kubectl', ['create', '-f', '-'], {
        input: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: full, labels } }),
      });
      return asNamespace(full);
    },
    hasKind: async (name) => (await tryRun('kubectl', ['get', 'crd', name])).code === 0,
    nodes: async () => (await run('kubectl', ['get', 'nodes', '-o', 'jsonpath={.items[*].metadata.name}'])).split(' ').filter(Boolean),
    cleanUp: async ({ isWaiting = true } = {}) => {
      const waiting = isWaiting ? ['--wait=true', '--timeout=170s'] : ['--wait=false'];
      await tryRun('kubectl', ['delete', 'namespace', '-l', `${LABEL}=${id}`, '--ignore-not-found', ...waiting]);
    },
  };
};
