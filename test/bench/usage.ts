/** CPU time and memory of processes, as Linux tells them. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  /** Of the process and all below it, those that have ended included. */
  readonly cpuUs: number;
  /** Resident memory with shared pages counted once; NaN where it may not be read. */
  readonly pssMb: number;
}

// USER_HZ is 100 on every Linux that Node runs on.
const TICK_US = 10_000;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
}

const statOf = (pid: number): Stat | undefined => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // utime, stime, and those of children that were waited for: a backend that ends isn't lost.
    return { pid, parent: Number(fields[1]), ticks: [11, 12, 13, 14].reduce((sum, i) => sum + Number(fields[i]), 0) };
  } catch {
    return undefined;
  }
};

const pssMbOf = (pid: number): number => {
  try {
    return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? NaN) / 1024;
  } catch {
    return NaN;
  }
};

/** Usage of each named process with everything below it, but for those that are named themselves. */
export const usageOf = (pids: Readonly<Record<string, number>>): Record<string, Usage> => {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const children = Map.groupBy(all, ({ parent }) => parent);
  const named = new Set(Object.values(pids));
  const tree = (stat: Stat): Stat[] => [stat, ...(children.get(stat.pid) ?? []).filter(({ pid }) => !named.has(pid)).flatMap(tree)];
  return Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => {
      const root = all.find((each) => each.pid === pid);
      const members = root === undefined ? [] : tree(root);
      return [
        name,
        {
          cpuUs: members.reduce((sum, { ticks }) => sum + ticks * TICK_US, 0),
          pssMb: members.length === 0 ? NaN : members.reduce((sum, each) => sum + pssMbOf(each.pid), 0),
        },
      ];
    }),
  );
};
