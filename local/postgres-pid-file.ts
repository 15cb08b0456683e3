import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Removes what a server that is gone left in the cluster's folder `dir`. After a crash its pid may belong to a stranger by now (in a
 * container almost surely); PostgreSQL would take that for itself and refuse to start.
 */
export const dropStalePidFile = (dir: string): void => {
  const file = join(dir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  try {
    if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(dir)) rmSync(file);
  } catch {
    // No such process: PostgreSQL sees that itself.
  }
};
