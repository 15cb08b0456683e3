/** PostgreSQL refuses to run as root, so a root user needs another way. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

export interface Unprivileged {
  /** The command as a user that isn't root. */
  readonly wrap: (command: string, args: readonly string[]) => Command;
  /** That user is ourselves as far as files go, so that both can use a socket file. */
  readonly isSelf: boolean;
  /** Makes a folder (0700) that this user owns. */
  readonly folder: (path: string) => void;
}

const makeFolder = (path: string): void => void mkdirSync(path, { recursive: true, mode: 0o700 });

const works = ({ command, args, ...options }: Command): boolean =>
  spawnSync(command, args, { ...options, stdio: 'ignore', timeout: 10_000 }).status === 0;

const numericId = (option: '-u' | '-g'): number => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }));

/**
 * Finds a way to run `probe` (a program that refuses root) unprivileged: as we are, else in a user namespace in which we are an ordinary
 * user (works below a home folder that nobody else may enter), else as the user nobody, if possible with the right to enter every folder.
 */
export const unprivileged = (probe: string): Unprivileged => {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => ({ command, args }), isSelf: true, folder: makeFolder };

  const namespaced = (command: string, args: readonly string[]): Command => ({
    command: 'unshare',
    args: ['--user', '--map-user=1000', '--map-group=1000', '--', command, ...args],
  });
  if (works(namespaced(probe, ['--version']))) return { wrap: namespaced, isSelf: true, folder: makeFolder };

  const uid = numericId('-u');
  const gid = numericId('-g');
  const owned = (path: string): void => {
    makeFolder(path);
    chownSync(path, uid, gid);
  };
  // Containers often have no user namespaces, but this capability: it opens the folders that are root's alone.
  const capable = (command: string, args: readonly string[]): Command => ({
    command: 'setpriv',
    args: [
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--inh-caps=+dac_override',
      '--ambient-caps=+dac_override',
      '--',
      command,
      ...args,
    ],
  });
  if (works(capable(probe, ['--version']))) return { wrap: capable, isSelf: false, folder: owned };

  const nobody = (command: string, args: readonly string[]): Command => ({ command, args, uid, gid });
  if (works(nobody(probe, ['--version']))) {
    return {
      wrap: nobody,
      isSelf: false,
      folder: (path) => {
        owned(path);
        if (!works({ command: 'ls', args: [path], uid, gid }))
          throw new Error(`PostgreSQL can't run as root and the user nobody can't enter ${dirname(path)}: ${ADVICE}`);
      },
    };
  }
  throw new Error(`PostgreSQL can't run as root, user namespaces are off here, and the user nobody can't read ${probe}: ${ADVICE}`);
};

const ADVICE = 'run as an ordinary user, put the project where every user may enter, or set DATABASE_URL to a server of your own';
