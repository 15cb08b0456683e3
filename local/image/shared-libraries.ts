/** Which of this system's libraries a set of programs loads, and where they lie in a root folder. */
import { existsSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readElf } from './elf.ts';

const TRIPLETS: Readonly<Record<number, string>> = { 62: 'x86_64-linux-gnu', 183: 'aarch64-linux-gnu' };
/** The C library loads these by name when a host name is looked up; new ones have them built in. */
const BY_NAME = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];

const systemFolders = (machine: number): string[] =>
  [`/lib/${TRIPLETS[machine]}`, `/usr/lib/${TRIPLETS[machine]}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'].filter((path) =>
    existsSync(path),
  );

/**
 * Follows what `programs` (ELF files; others are passed over) load; names in `own` are brought along by whoever asks.
 * Returns path in the root → path here. The libraries lie in the folder of the C library, where the loader looks by itself.
 */
export const sharedLibraries = (programs: readonly string[], own: ReadonlySet<string> = new Set()): Map<string, string> => {
  const found = new Map<string, string>();
  const seen = new Set<string>();
  const libraries = new Map<string, string>();
  let home: string | undefined;
  const visit = (path: string): void => {
    const elf = readElf(path);
    if (elf === undefined) return;
    if (elf.interpreter !== undefined) {
      if (!existsSync(elf.interpreter))
        throw new Error(`${path} needs the loader ${elf.interpreter}: build the images on a glibc system such as Debian`);
      found.set(elf.interpreter, realpathSync(elf.interpreter));
      seen.add(basename(elf.interpreter));
    }
    const locate = (name: string): string | undefined =>
      systemFolders(elf.machine)
        .map((folder) => join(folder, name))
        .find((candidate) => existsSync(candidate) && readElf(candidate)?.machine === elf.machine);
    for (const name of elf.needed) {
      if (seen.has(name) || own.has(name)) continue;
      seen.add(name);
      const source = locate(name);
      if (source === undefined) throw new Error(`${path} needs ${name}, which isn't on this system: install it`);
      libraries.set(name, realpathSync(source));
      if (name === 'libc.so.6') {
        home = source.slice(0, -name.length - 1);
        for (const extra of BY_NAME) {
          const file = locate(extra);
          if (file !== undefined) libraries.set(extra, realpathSync(file));
        }
      }
      visit(realpathSync(source));
    }
  };
  for (const path of programs) visit(path);
  for (const [name, source] of libraries) found.set(join(home ?? '/lib', name), source);
  return found;
};
