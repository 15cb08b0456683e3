/** The append-only bucket as a folder: what is written once is never opened for writing again. */
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
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export interface Bucket {
  /** Stores under a path that nothing has yet; false where something is there already. Durable when it returns. */
  putOnce(path: string, bytes: Buffer): boolean;
  /** Stores in place of what may be there. */
  replace(path: string, bytes: Buffer): void;
  /** Undefined where there is nothing. */
  get(path: string): Buffer | undefined;
  /** Names in a folder, in order. */
  list(folder: string): string[];
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

export const openBucket = (root: string): Bucket => {
  let counter = 0;
  const makeFolder = (path: string): void => {
    if (existsSync(path)) return;
    makeFolder(dirname(path));
    mkdirSync(path, { recursive: true, mode: 0o700 });
    syncFolder(dirname(path));
  };
  makeFolder(root);

  const writeTemporary = (target: string, bytes: Buffer): string => {
    makeFolder(dirname(target));
    const temporary = `${target}.${process.pid}.${counter++}.tmp`;
    const descriptor = openSync(temporary, 'wx', 0o400);
    try {
      writeSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return temporary;
  };

  return {
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
      }
      syncFolder(dirname(target));
      return true;
    },
    replace: (path, bytes) => {
      const target = join(root, path);
      renameSync(writeTemporary(target, bytes), target);
      syncFolder(dirname(target));
    },
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
      return existsSync(path)
        ? readdirSync(path)
            .filter((name) => !name.endsWith('.tmp'))
            .sort()
        : [];
    },
    remove: (path) => rmSync(join(root, path), { recursive: true, force: true }),
  };
};
