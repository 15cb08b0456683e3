import { type FSWatcher, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { loadPolicy, type Policy, POLICY_FILES } from './policy.ts';
import { ConfigError } from './yaml-reader.ts';

export interface PolicySource {
  /** The newest good one. */
  readonly current: () => Policy;
  /** Why the files as they are now were refused; empty while they are in use. */
  readonly refused: () => readonly string[];
  readonly close: () => void;
}

export interface PolicySourceOptions {
  readonly onLoaded: (policy: Policy) => void;
  readonly onRefused: (reasons: readonly string[]) => void;
  readonly pollMs?: number;
}

/**
 * The policy of a folder, read again whenever its files change: edited in place, renamed over, or swapped by the `..data` symlink of a
 * mounted ConfigMap. Throws ConfigError where the files are bad at the start; later a bad one is refused and the last good one stays.
 */
export const openPolicy = (dir: string, { onLoaded, onRefused, pollMs = 500 }: PolicySourceOptions): PolicySource => {
  const mark = (): string =>
    POLICY_FILES.map((name) => {
      try {
        // Follows symlinks: a swap of ..data changes the inode.
        const { ino, mtimeNs, size } = statSync(join(dir, name), { bigint: true });
        return `${ino}/${mtimeNs}/${size}`;
      } catch {
        return 'missing';
      }
    }).join();
  let seen = mark();
  let policy = loadPolicy(dir);
  let refused: readonly string[] = [];
  onLoaded(policy);

  const look = (): void => {
    const now = mark();
    if (now === seen) return;
    seen = now;
    try {
      const loaded = loadPolicy(dir);
      refused = [];
      if (loaded.version === policy.version) return;
      policy = loaded;
      onLoaded(policy);
    } catch (error) {
      refused = error instanceof ConfigError ? error.reasons : [String(error)];
      onRefused(refused);
    }
  };

  // The watch makes it quick, the poll makes it sure: a file half written when it was read is read again.
  let soon: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dir, () => {
      clearTimeout(soon);
      soon = setTimeout(look, 50);
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // No inotify left: the poll is enough.
  }
  const poll = setInterval(look, pollMs);
  return {
    current: () => policy,
    refused: () => refused,
    close: () => {
      clearInterval(poll);
      clearTimeout(soon);
      watcher?.close();
    },
  };
};
