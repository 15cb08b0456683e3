/** Writes a root folder: the same plan gives the same bytes, modes and times, whoever writes it and whenever. */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

export type Item =
  | { readonly kind: 'folder'; readonly mode?: number }
  | { readonly kind: 'file'; readonly source: string; readonly executable?: boolean }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly target: string };

/** From absolute path in the root to what lies there; folders in between need no item. */
export type Plan = Map<string, Item>;

const MARKER = '.portcullis-image-roots';
const TIME = 0;

/** Makes `folder` ours, or throws when it holds anything that we didn't put there. */
export const claimFolder = (folder: string): void => {
  if (existsSync(join(folder, MARKER))) return;
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Error(`${folder} isn't empty and wasn't made by this command: name a new folder`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, MARKER), 'Made by npm run image-roots, which replaces what lies here.\n');
};

/** Files of 100 MB lie in several roots: `copies` remembers where the first lies, the others are hard links to it. */
const placeFile = (
  { source, executable = false }: { source: string; executable?: boolean },
  path: string,
  copies: Map<string, string>,
): void => {
  const key = `${executable} ${source}`;
  const first = copies.get(key);
  if (first !== undefined) return linkSync(first, path);
  copyFileSync(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  chmodSync(path, executable ? 0o755 : 0o644);
  copies.set(key, path);
};

const place = (item: Item, path: string, copies: Map<string, string>): void => {
  if (item.kind === 'folder') {
    mkdirSync(path, { recursive: true });
    chmodSync(path, item.mode ?? 0o755);
  } else if (item.kind === 'file') placeFile(item, path, copies);
  else if (item.kind === 'text') {
    writeFileSync(path, item.text, { flag: 'wx' });
    chmodSync(path, 0o644);
  } else symlinkSync(item.target, path);
  lutimesSync(path, TIME, TIME);
};

/** Writes `plan` as the folder `name` of `folder`, in place of an earlier one, which stays until the new one is whole. */
export const writeRoot = (folder: string, name: string, plan: Plan, copies: Map<string, string>): string => {
  const next = join(folder, `.next-${name}`);
  const target = join(folder, name);
  rmSync(next, { recursive: true, force: true });
  const folders = new Set<string>(['/']);
  for (const path of plan.keys()) for (let up = dirname(path); up !== '/'; up = dirname(up)) folders.add(up);
  const whole: Plan = new Map([...Array.from(folders, (path): [string, Item] => [path, { kind: 'folder' }]), ...plan]);
  const paths = [...whole.keys()].sort();
  for (const path of paths) place(whole.get(path)!, join(next, path), copies);
  // Writing into a folder changed its time.
  for (const path of paths) if (whole.get(path)!.kind === 'folder') utimesSync(join(next, path), TIME, TIME);
  rmSync(target, { recursive: true, force: true });
  renameSync(next, target);
  for (const [key, path] of copies) if (path.startsWith(`${next}/`)) copies.set(key, target + path.slice(next.length));
  return target;
};
