/** The append-only bucket as a folder: what is written once is never opened for writing again. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface ReadableBucket {
  /** Undefined where there is nothing. */
  get(path: string): Buffer | undefined;
  /** Names in a folder, in order; none where there is no such folder. */
  list(folder: string): string[];
}

export interface Bucket extends ReadableBucket {
  /** Stores under a path that nothing has yet; false where something is there already. Durable when it returns. */
  putOnce(path: string, bytes: Buffer): boolean;
  /** Stores in place of what may be there. */
  replace(path: string, bytes: Buffer): void;
  remove(path: string): void;
}

const syncFolder = (path: string): void => {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

/** For the auditor: nothing is written, not even the folder. */
export const readBucket = (root: string): ReadableBucket => ({
  get: (path) => {
    try {
      return readFileSync(join(root, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  list: (folder) => {
    const path = join(root, folder);
    if (!existsSync(path)) return [];
    // A process that was killed may leave a file behind that it hadn't finished.
    return readdirSync(path)
      .filter((name) => !name.endsWith('.tmp'))
      .sort();
  },
});

export const openBucket = (root: string): Bucket => {
  const makeFolder = (path: string): void => {
    if (existsSync(path)) return;
    makeFolder(dirname(path));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    syncFolder(dirname(path));
  };
  makeFolder(root);

  const writeTemporary = (target: string, bytes: Buffer): string => {
    makeFolder(dirname(target));
    const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    const descriptor = openSync(temporary, 'wx', 0o400);
    try {
      writeFileSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return temporary;
  };

  return {
    ...readBucket(root),
    putOnce: (path, bytes) => {
      const target = join(root, path);
      const temporary = writeTemporary(target, bytes);
      try {
        // Unlike a rename, a link never takes the place of something.
        linkSync(temporary, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return false;
      } finally {
        unlinkSync(temporary);
        // Also where it was there already: its writer may have died before it was durable.
        syncFolder(dirname(target));
      }
      return true;
    },
    replace: (path, bytes) => {
      const target = join(root, path);
      renameSync(writeTemporary(target, bytes), target);
      syncFolder(dirname(target));
    },
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
  };
};
