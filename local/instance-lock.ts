import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Holder {
  readonly pid: number;
  /** Boot-relative start time: a pid alone may belong to a stranger by now. */
  readonly started: string | undefined;
}

const startTime = (pid: number): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
};

const isAlive = ({ pid, started }: Holder): boolean => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  return started === undefined || startTime(pid) === started;
};

const readHolders = (file: string): Holder[] => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder[];
  } catch {
    return [];
  }
};

export interface InstanceLock {
  /** Writes down the parts that belong to this run. */
  readonly keep: (pids: readonly number[]) => void;
  readonly release: () => void;
}

/**
 * One run per data folder: throws while another has it. Parts that a killed run left behind are given time to stop (their guardian stops
 * them), then stopped.
 */
export const lockInstance = async (data: string): Promise<InstanceLock> => {
  const file = join(data, 'lock.json');
  const [former, ...left] = readHolders(file);
  if (former !== undefined && isAlive(former))
    throw new Error(`${data} is in use by the run with pid ${former.pid}: stop that one first, or give another --data folder`);
  for (let waited = 0; left.some(isAlive); waited += 100) {
    for (const each of left.filter(isAlive))
      if (waited === 8000 || waited === 12_000) process.kill(each.pid, waited === 8000 ? 'SIGTERM' : 'SIGKILL');
    if (waited > 15_000)
      throw new Error(
        `parts of a former run don't stop: ${left
          .filter(isAlive)
          .map(({ pid }) => pid)
          .join(', ')}`,
      );
    await sleep(100);
  }
  const self: Holder = { pid: process.pid, started: startTime(process.pid) };
  const write = (holders: readonly Holder[]): void => writeFileSync(file, JSON.stringify(holders), { mode: 0o600 });
  write([self]);
  return {
    keep: (pids) => write([self, ...pids.map((pid) => ({ pid, started: startTime(pid) }))]),
    release: () => rmSync(file, { force: true }),
  };
};
