/**
 * Runs what an image would run, from its root folder. As root: in that root, read-only, as user 65532, with a folder at /run and an empty
 * /tmp, as in a pod. Without that right: from outside, by the root's own loader and libraries, which finds what is missing in /app too.
 */
import { spawnSync } from 'node:child_process';
import { chownSync, closeSync, mkdirSync, openSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readElf } from '../../local/image/elf.ts';
import type { Image } from '../../local/image/roots.ts';
import { APP, NODE, USER_ID } from '../../local/image/table.ts';
import { createGuardian } from '../../local/guardian.ts';
import { type RunningProcess, startProcess } from '../../local/processes.ts';

// $1: the root, $2: what lies at /run; then the command.
const ENTER = `
set -e
root=$1 run=$2; shift 2
mount --bind "$root" "$root"
for each in dev proc; do mount --rbind "/$each" "$root/$each"; done
mount --bind "$run" "$root/run"
mount -t tmpfs none "$root/tmp"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs unshare --root="$root" --wd=${APP} --setgid=${USER_ID} --setuid=${USER_ID} "$@"
`;

/** Whether this user may change roots; sandboxes often take the right away from root too. */
export const canEnter = process.getuid!() === 0 && spawnSync('unshare', ['--mount', 'mount', '--bind', '/tmp', '/tmp']).status === 0;

export interface ImageRig {
  /** Path of a file of the rig as the program sees it. */
  readonly seen: (name: string) => string;
  /** Writes a file that the program may read; returns the path that it sees. */
  readonly give: (name: string, text: string) => string;
  /** Makes a folder that the program owns; returns the path that it sees. */
  readonly folder: (name: string) => string;
  readonly start: (image: Image, env: Readonly<Record<string, string>>, command?: readonly string[]) => Promise<RunningProcess>;
}

/** A rig in the folder `dir`, which becomes /run. */
export const imageRig = (dir: string): ImageRig => {
  const guardian = createGuardian();
  const seen = (name: string): string => (canEnter ? join('/run', name) : join(dir, name));
  const own = (name: string): string => {
    if (canEnter) chownSync(join(dir, name), USER_ID, USER_ID);
    return seen(name);
  };
  return {
    seen,
    give: (name, text) => {
      writeFileSync(join(dir, name), text, { mode: 0o600 });
      return own(name);
    },
    folder: (name) => {
      mkdirSync(join(dir, name), { mode: 0o700 });
      return own(name);
    },
    start: (image, env, command = image.command) => {
      const log = join(dir, `${image.name}.log`);
      if (canEnter) {
        // As container runtimes do: a program may open /dev/stdout again.
        closeSync(openSync(log, 'a', 0o600));
        chownSync(log, USER_ID, USER_ID);
        const args = ['--mount', '--propagation', 'private', 'sh', '-c', ENTER, 'sh', image.root, dir, ...command];
        return startProcess({ name: image.name, command: 'unshare', args, env: { ...env, PATH: process.env['PATH']! }, log, guardian });
      }
      const loader = join(image.root, readElf(join(image.root, NODE))!.interpreter!);
      const libraries = readdirSync(join(image.root, 'lib'), { recursive: true, encoding: 'utf8' }).find((path) =>
        path.endsWith('libc.so.6'),
      )!;
      const args = ['--library-path', join(image.root, 'lib', dirname(libraries)), join(image.root, command[0]!), ...command.slice(1)];
      return startProcess({ name: image.name, command: loader, args, env, cwd: join(image.root, APP), log, guardian });
    },
  };
};
