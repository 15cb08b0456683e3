/** The append-only bucket as a folder: what is written once is never opened for writing again. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rename, rm, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bucket, ReadableBucket } from './bucket.ts';

const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
};

/** For the auditor: nothing is written, not even the folder. */
export const readFolderBucket = (root: string): ReadableBucket => ({
  get: async (path) => {
    try {
      return await readFile(join(root, path));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  list: async function* (folder, after = '') {
    const path = join(root, folder);
    if (!existsSync(path)) return;
    // A process that was killed may leave a file behind that it hadn't finished.
    const names = (await readdir(path)).filter((name) => !name.endsWith('.tmp') && name > after);
    yield* names.sort();
  },
});

export const openFolderBucket = (root: string): Bucket => {
  const makeFolder = async (path: string): Promise<void> => {
    if (existsSync(path)) return;
    await makeFolder(dirname(path));
    await mkdir(path, { recursive: true, mode: 0o700 });
    await syncFolder(dirname(path));
  };

  const writeTemporary = async (target: string, bytes: Buffer): Promise<string> => {
    await makeFolder(dirname(target));
    const temporary = `${target}.${randomBytes(6).toString('hex')}.tmp`;
    const file = await open(temporary, 'wx', 0o400);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } catch (error) {
      // On a full disk each further try would leave one more part behind, and the space that it takes.
      await unlink(temporary);
      throw error;
    } finally {
      await file.close();
    }
    return temporary;
  };

  return {
    ...readFolderBucket(root),
    prepare: () => makeFolder(root),
    putOnce: async (path, bytes) => {
      const target = join(root, path);
      const temporary = await writeTemporary(target, bytes);
      try {
        // Unlike a rename, a link never takes the place of something.
        await link(temporary, target);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        return false;
      } finally {
        await unlink(temporary);
        // Also where it was there already: its writer may have died before it was durable.
        await syncFolder(dirname(target));
      }
      return true;
    },
    replace: async (path, bytes) => {
      const target = join(root, path);
      await rename(await writeTemporary(target, bytes), target);
      await syncFolder(dirname(target));
    },
    removeFolder: (path) => rm(join(root, path), { recursive: true, force: true }),
  };
};
