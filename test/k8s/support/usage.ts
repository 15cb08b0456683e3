/** Memory and CPU of containers, read from their own cgroup by the node that each image has. */
import type { Namespace } from './cluster.ts';
import { NODE } from './client-pod.ts';
import type { Release } from './release.ts';

export interface Usage {
  readonly container: string;
  /** What the kernel couldn't take back: the figure that a limit is compared with. */
  readonly workingSetMb: number;
  readonly cpuSeconds: number;
  readonly at: number;
}

// Version 2 of cgroups has one folder, version 1 one for each controller.
const SCRIPT = `
const { readFileSync, existsSync } = require('node:fs');
const read = (file) => readFileSync('/sys/fs/cgroup/' + file, 'utf8');
const field = (file, name) => Number(new RegExp('^' + name + ' (\\\\d+)', 'm').exec(read(file))?.[1] ?? 0);
const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
console.log(JSON.stringify(isV2
  ? { bytes: Number(read('memory.current')) - field('memory.stat', 'inactive_file'), cpu: field('cpu.stat', 'usage_usec') / 1e6 }
  : { bytes: Number(read('memory/memory.usage_in_bytes')) - field('memory/memory.stat', 'total_inactive_file'), cpu: Number(read('cpuacct/cpuacct.usage')) / 1e9 }));
`;

const usageOf = async (space: Namespace, pod: string, container: string): Promise<Usage> => {
  const { bytes, cpu } = JSON.parse(await space.exec(pod, container, [NODE, '-e', SCRIPT])) as { bytes: number; cpu: number };
  return { container, workingSetMb: Math.round(bytes / 1e5) / 10, cpuSeconds: cpu, at: performance.now() };
};

const PARTS: Readonly<Record<string, readonly string[]>> = {
  envoy: ['envoy', 'drain'],
  gateway: ['gateway'],
  fhir: ['fhir'],
  relay: ['relay'],
  postgres: ['postgres'],
  valkey: ['valkey'],
};

/** Of every container of the release; those of one component one after the other. */
export const readUsage = async (release: Release): Promise<readonly Usage[]> => {
  const found: Usage[] = [];
  for (const [component, containers] of Object.entries(PARTS)) {
    for (const { name } of await release.pods(component)) {
      for (const container of containers) {
        const usage = await usageOf(release.space, name, container).catch(() => undefined); // it is just leaving
        if (usage !== undefined) found.push({ ...usage, container: `${name}/${container}` });
      }
    }
  }
  return found;
};

export interface Rate {
  readonly container: string;
  readonly workingSetMb: number;
  /** Cores. */
  readonly cpu: number;
}

export const usageBetween = (before: readonly Usage[], after: readonly Usage[]): readonly Rate[] =>
  after.flatMap((now) => {
    const then = before.find(({ container }) => container === now.container);
    if (then === undefined) return [];
    const cpu = ((now.cpuSeconds - then.cpuSeconds) * 1000) / (now.at - then.at);
    return [{ container: now.container, workingSetMb: now.workingSetMb, cpu: Math.round(cpu * 1000) / 1000 }];
  });

/** Pods of one component together: the highest of each figure, since limits are for the worst of them. */
export const byComponent = (
  rates: readonly Rate[],
): Readonly<Record<string, { readonly mb: number; readonly cpu: number; readonly pods: number }>> => {
  const found: Record<string, { mb: number; cpu: number; pods: number }> = {};
  for (const { container, workingSetMb, cpu } of rates) {
    const name = container.split('/')[1]!;
    const known = (found[name] ??= { mb: 0, cpu: 0, pods: 0 });
    known.mb = Math.max(known.mb, workingSetMb);
    known.cpu = Math.max(known.cpu, cpu);
    known.pods++;
  }
  return found;
};
