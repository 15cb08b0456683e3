/** The images of this checkout, brought onto the cluster's nodes by the person's own loader. */
import { createHash } from 'node:crypto';
import { cpSync, globSync, mkdirSync, lstatSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPONENTS } from '../../../local/image/table.ts';
import { writeRoots } from '../../../local/image/roots.ts';
import { run } from './command.ts';

/** A domain that no registry has: what isn't loaded is never pulled from elsewhere. */
export const REGISTRY = 'portcullis.test';

export interface Images {
  readonly tag: string;
  /** The same roots under another tag, which is what an upgrade changes. */
  readonly otherTag: string;
  readonly load: (name: string, tag: string, root: string) => Promise<void>;
  /** A copy of a component's root that files may be added to; those that are there are the original's own. */
  readonly copyRoot: (name: string, as: string) => Promise<string>;
  readonly folder: string;
}

export const imageName = (name: string): string => `${REGISTRY}/portcullis/${name}`;

/** Changes with the code and with the size of every other file, so that a tag doesn't mean two contents. */
const fingerprint = (folder: string): string => {
  const hash = createHash('sha256');
  for (const file of globSync('**/*', { cwd: folder }).sort()) {
    const path = join(folder, file);
    const found = lstatSync(path);
    hash.update(`${file} ${found.size} `);
    if (found.isFile() && file.includes('/app/') && !file.includes('/node_modules/')) hash.update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 10);
};

const imagesOf = (folder: string, tag: string, work: string, loader: string | undefined): Images => {
  const load = async (name: string, as: string, root: string): Promise<void> => {
    if (!loader) throw new Error('K8S_LOAD_IMAGE is not set, and this case changes an image');
    await run('sh', ['-c', `${loader} "$@"`, loader, `${imageName(name)}:${as}`, root], { limitMs: 300_000 });
  };
  return {
    tag,
    otherTag: `${tag}-b`,
    load,
    folder,
    copyRoot: async (name, as) => {
      const copy = join(work, as);
      rmSync(copy, { recursive: true, force: true });
      await run('cp', ['-al', join(folder, name), copy]);
      return copy;
    },
  };
};

/** Lays out the roots of all components below `work` and loads them. */
export const loadImages = async (loader: string, work: string): Promise<Images> => {
  const folder = join(work, 'roots');
  writeRoots(folder, COMPONENTS);
  const images = imagesOf(folder, `t${fingerprint(folder)}`, work, loader);
  for (const { name } of COMPONENTS) await images.load(name, images.tag, join(folder, name));
  return images;
};

/** Those that an earlier run has loaded. */
export const imagesAlreadyLoaded = (tag: string, loader: string | undefined, work: string): Images => {
  const folder = join(work, 'roots');
  writeRoots(folder, COMPONENTS);
  return imagesOf(folder, tag, work, loader);
};

/** An image of one program that needs no libraries. */
export const writeProgramRoot = (root: string, program: string, as: string): void => {
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  for (const dir of ['tmp', 'etc', 'data']) mkdirSync(join(root, dir), { recursive: true });
  cpSync(program, join(root, 'usr/local/bin', as));
  writeFileSync(join(root, 'etc/passwd'), 'nonroot:x:65532:65532::/:/sbin/nologin\n');
};
