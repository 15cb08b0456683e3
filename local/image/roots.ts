/**
 * Writes the content of the images as plain folders, one root per component, and DIR/images.json that says how each is started.
 * usage: npm run image-roots -- DIR [NAME …]      NAME: envoy, gateway, fhir, relay, migrate, postgres, valkey; all without one
 * For this machine's architecture. DIR is new, or was made by this command; roots that aren't named stay as they are.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { planRoot, VERSION } from './component-root.ts';
import { claimFolder, writeRoot } from './root-folder.ts';
import { APP, type Component, COMPONENTS, STOP_SIGNAL, USER } from './table.ts';

export interface Image {
  readonly name: string;
  readonly root: string;
  readonly repository: string;
  readonly tag: string;
  readonly command: readonly string[];
  readonly user: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly stopSignal: string;
}

const USAGE = `usage: npm run image-roots -- DIR [NAME …]\nNAME: ${COMPONENTS.map(({ name }) => name).join(', ')}; all without one`;

const image = (folder: string, { name, command }: Component): Image => ({
  name,
  root: join(folder, name),
  repository: `portcullis/${name}`,
  tag: VERSION,
  command,
  user: USER,
  env: { PATH: '/usr/local/bin' },
  workdir: APP,
  stopSignal: STOP_SIGNAL,
});

/** Writes the roots of `components` into `folder` and returns images.json's content: all that lie there now. */
export const writeRoots = (folder: string, components: readonly Component[]): Image[] => {
  claimFolder(folder);
  const copies = new Map<string, string>();
  for (const component of components) writeRoot(folder, component.name, planRoot(component), copies);
  const images = COMPONENTS.filter(({ name }) => existsSync(join(folder, name))).map((component) => image(folder, component));
  writeFileSync(join(folder, 'images.json'), `${JSON.stringify(images, null, 1)}\n`);
  return images;
};

if (import.meta.main) {
  process.removeAllListeners('warning'); // that taking types out of code is experimental
  try {
    const { positionals, values } = parseArgs({ allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } });
    const [dir, ...names] = positionals;
    if (values.help || dir === undefined) {
      console.log(USAGE);
      process.exit(values.help ? 0 : 2);
    }
    const unknown = names.find((wanted) => !COMPONENTS.some(({ name }) => name === wanted));
    if (unknown !== undefined) throw new Error(`no image is called ${unknown}\n${USAGE}`);
    const folder = resolve(process.env['INIT_CWD'] ?? '.', dir);
    const images = writeRoots(
      folder,
      COMPONENTS.filter(({ name }) => names.length === 0 || names.includes(name)),
    );
    for (const { repository, tag, root } of images) console.log(`${repository}:${tag}  ${root}`);
    console.log(`How each is started: ${join(folder, 'images.json')}`);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}
