/** A release of the chart: installed, upgraded and asked about. */
import { writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../../../local/toolchain.ts';
import type { Manifest, Namespace } from './cluster.ts';
import { type Result, tryRun } from './command.ts';
import { REGISTRY } from './images.ts';
import { until } from './until.ts';

export type Values = Readonly<Record<string, unknown>>;
export type Component = 'envoy' | 'gateway' | 'fhir' | 'relay';

export const COMPONENTS: readonly Component[] = ['envoy', 'gateway', 'fhir', 'relay'];
const CHART = join(PROJECT, 'charts/portcullis');
const NAME = 'p';

export interface Release {
  readonly space: Namespace;
  readonly install: (values: Values, options?: readonly string[]) => Promise<string>;
  /** What helm said, whatever it was; `helm`: another program than `helm`. */
  readonly upgrade: (values: Values, options?: { readonly helm?: string; readonly args?: readonly string[] }) => Promise<Result>;
  readonly uninstall: () => Promise<void>;
  readonly object: (component: string) => string;
  readonly rolledOut: (components?: readonly Component[], limitS?: number) => Promise<void>;
  /** Pods that run and aren't about to leave. */
  readonly pods: (component: string) => Promise<readonly Pod[]>;
}

export interface Pod {
  readonly name: string;
  readonly uid: string;
  readonly ip: string;
  readonly isReady: boolean;
  readonly restarts: number;
}

/** Where nobody looks at how pods leave, they needn't wait until the cluster's DNS has forgotten them. */
const SOON = { delaySeconds: 5, seconds: 20 };

/** Two cores must be enough for everything: pods ask for next to nothing and may use what there is. */
const small = (memory: string): Values => ({ requests: { cpu: '10m', memory } });

export const testValues = (tag: string): Values => ({
  image: { registry: REGISTRY, tag },
  envoy: { resources: small('64Mi'), drain: { resources: small('32Mi') } },
  gateway: { resources: small('64Mi'), drain: SOON },
  fhir: { resources: small('96Mi'), drain: SOON },
  relay: { resources: small('64Mi') },
  migrate: { resources: small('64Mi') },
  evaluation: { postgres: { resources: small('64Mi') }, valkey: { resources: small('16Mi') } },
});

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The second over the first, member by member. */
export const merged = (base: Values, over: Values): Values =>
  Object.fromEntries(
    [...new Set([...Object.keys(base), ...Object.keys(over)])].map((key) => {
      const [low, high] = [base[key], over[key]];
      return [key, isObject(low) && isObject(high) ? merged(low, high) : key in over ? high : low];
    }),
  );

const podOf = ({ metadata, status }: Manifest): Pod => ({
  name: metadata.name,
  uid: metadata.uid,
  ip: status.podIP ?? '',
  isReady: (status.conditions ?? []).some(({ type, status: is }: Manifest) => type === 'Ready' && is === 'True'),
  restarts: (status.containerStatuses ?? []).reduce((sum: number, { restartCount }: Manifest) => sum + restartCount, 0),
});

const helmWith = async (helm: string, args: readonly string[], values: Values): Promise<Result> => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-values-'));
  const file = join(folder, 'values.json');
  writeFileSync(file, JSON.stringify(values), { mode: 0o600 });
  try {
    return await tryRun(helm, [...args, '-f', file], { limitMs: 400_000 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** `chart`: another folder than the chart of this checkout. */
export const releaseIn = (space: Namespace): Release => {
  const where = ['-n', space.name];
  const object = (component: string): string => `${NAME}-portcullis-${component}`;
  return {
    space,
    object,
    install: async (values, options = []) => {
      const { code, stdout, stderr } = await helmWith('helm', ['install', NAME, CHART, ...where, ...options], values);
      if (code !== 0) throw new Error(`helm install failed: ${stderr.trim()}`);
      return stdout;
    },
    upgrade: (values, { helm = 'helm', args = [] } = {}) => helmWith(helm, ['upgrade', NAME, CHART, ...where, ...args], values),
    uninstall: async () => {
      const { code, stderr } = await tryRun('helm', ['uninstall', NAME, ...where, '--wait', '--timeout', '150s']);
      if (code !== 0) throw new Error(`helm uninstall failed: ${stderr.trim()}`);
    },
    rolledOut: async (components = COMPONENTS, limitS = 180) => {
      for (const component of components)
        await space.kubectl(['rollout', 'status', `deployment/${object(component)}`, `--timeout=${limitS}s`]);
    },
    pods: async (component) => {
      const labels = `app.kubernetes.io/instance=${NAME},app.kubernetes.io/component=${component}`;
      const all = (await space.get('pods', '-l', labels)) as readonly Manifest[];
      return all
        .filter(
          ({ metadata, status }) => metadata.deletionTimestamp === undefined && (status.phase === 'Running' || status.phase === 'Pending'),
        )
        .map(podOf);
    },
  };
};

/** Waits until a component has exactly so many pods and all of them are ready. */
export const settled = (release: Release, component: Component, count: number, limitMs = 120_000): Promise<readonly Pod[]> =>
  until(
    `${count} ready pods of ${component}`,
    async () => {
      const pods = await release.pods(component);
      return pods.length === count && pods.every(({ isReady }) => isReady) && pods;
    },
    { limitMs },
  );
