import { open, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { changedFile, type ImportSource, noSuchFile, requireName } from './import-source.ts';

const CHUNK = 256 * 1024;

/** The path of a file in the folder, links followed; throws 400 where the name leads elsewhere or to nothing. */
const pathOf = async (folder: string, name: string): Promise<string> => {
  requireName(name);
  const root = await realpath(folder);
  const path = await realpath(join(root, name)).catch(() => undefined);
  if (path === undefined || !path.startsWith(root + sep)) throw noSuchFile(name);
  return path;
};

export const folderSource = (folder: string): ImportSource => ({
  find: async (name, type) => {
    const found = await stat(await pathOf(folder, name));
    if (!found.isFile()) throw noSuchFile(name);
    return { name, type, size: found.size, modifiedMs: Math.trunc(found.mtimeMs) };
  },
  read: async function* (file, offset) {
    const handle = await open(await pathOf(folder, file.name), 'r');
    try {
      const { size, mtimeMs } = await handle.stat();
      if (size !== file.size || Math.trunc(mtimeMs) !== file.modifiedMs) throw changedFile(file.name);
      for (let position = offset; position < size;) {
        const chunk = Buffer.allocUnsafe(Math.min(CHUNK, size - position));
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        yield chunk.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  },
});
