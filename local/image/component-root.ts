/** What lies in the root folder of one component. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { rootCertificates } from 'node:tls';
import { PROJECT } from '../toolchain.ts';
import { followImports } from './import-graph.ts';
import { closeOver, type Lock } from './package-closure.ts';
import { node, placeProgram } from './programs.ts';
import type { Plan } from './root-folder.ts';
import { sbom } from './sbom.ts';
import { sharedLibraries } from './shared-libraries.ts';
import { APP, type Component, USER_ID } from './table.ts';

const { version, license } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string; license: string };
const lock = (JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as { packages: Lock }).packages;

/** Of this repository: the tag of the images. */
export const VERSION = version;

const SYSTEM: Readonly<Record<string, string>> = {
  '/etc/passwd': `root:x:0:0:root:/:/sbin/nologin\nportcullis:x:${USER_ID}:${USER_ID}::/tmp:/sbin/nologin\n`,
  '/etc/group': `root:x:0:\nportcullis:x:${USER_ID}:\n`,
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  '/etc/ssl/certs/ca-certificates.crt': `${rootCertificates.join('\n')}\n`,
};

/** /dev, /proc, /sys and /run are for whoever runs the image to mount; it can't make them in a file system that is read-only. */
const base = ({ mountPoints }: Component): Plan => {
  const plan: Plan = new Map();
  for (const [path, text] of Object.entries(SYSTEM)) plan.set(path, { kind: 'text', text });
  for (const path of ['/dev', '/proc', '/sys', '/run', ...mountPoints]) plan.set(path, { kind: 'folder' });
  plan.set('/tmp', { kind: 'folder', mode: 0o1777 });
  return plan;
};

// Nothing of these is loaded: declarations, sources of what is built, texts. Licences stay.
const UNUSED_FILE = /\.(?:[cm]?ts|map|markdown|md|flow)$|^\.|^(?:tsconfig.*\.json|package-lock\.json)$/;
const UNUSED_FOLDER = new Set([
  'test',
  'tests',
  '__tests__',
  'docs',
  'doc',
  'example',
  'examples',
  'bench',
  'benchmark',
  'benchmarks',
  'browser-dist',
]);
const LICENCE = /^(?:licen[cs]e|copying|notice)/i;

const packageFiles = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((top) => {
    if (top.isDirectory() && (UNUSED_FOLDER.has(top.name) || top.name === 'node_modules' || top.name.startsWith('.'))) return [];
    const entries = top.isDirectory() ? readdirSync(join(folder, top.name), { recursive: true, withFileTypes: true }) : [top];
    return entries
      .filter((entry) => entry.isFile() && (LICENCE.test(entry.name) || !UNUSED_FILE.test(entry.name)))
      .map((entry) => join(entry.parentPath, entry.name));
  });

const isInstalled = (path: string): boolean => existsSync(join(PROJECT, path, 'package.json'));

const isStarted = (path: string): boolean => readFileSync(path, 'latin1').startsWith('#!');

const code = ({ entries, data }: Component): { plan: Plan; packages: string[] } => {
  const graph = followImports(PROJECT, entries, data);
  const packages = closeOver(lock, graph.packages, isInstalled);
  const sources = [...graph.files.map((path) => join(PROJECT, path)), ...packages.flatMap((path) => packageFiles(join(PROJECT, path)))];
  const plan: Plan = new Map();
  for (const source of sources) {
    const path = relative(PROJECT, source);
    plan.set(join(APP, path), { kind: 'file', source, executable: !path.startsWith('node_modules/') && isStarted(source) });
  }
  plan.set(join(APP, 'package.json'), {
    kind: 'text',
    text: `${JSON.stringify({ name: 'portcullis', version, license, type: 'module' })}\n`,
  });
  return { plan, packages };
};

/** The whole root of a component, with the list of its parts at /app/sbom.cdx.json. */
export const planRoot = (component: Component): Plan => {
  const programs = [
    node(),
    ...component.programs.map((program) => placeProgram(program, (name) => lock[`node_modules/${name}`]!.version!)),
  ];
  const own = new Set(programs.flatMap(({ plan }) => [...plan.keys()].map((path) => basename(path))));
  const libraries = sharedLibraries(
    programs.flatMap(({ binaries }) => binaries),
    own,
  );
  const { plan, packages } = code(component);
  const list = sbom(
    { name: `portcullis/${component.name}`, version },
    { parts: programs.map(({ part }) => part), lock, packages, libraries: [...libraries.values()].sort() },
  );
  return new Map([
    ...base(component),
    ...programs.flatMap((program) => [...program.plan]),
    ...Array.from(libraries, ([path, source]) => [path, { kind: 'file', source, executable: true }] as const),
    ...plan,
    [join(APP, 'sbom.cdx.json'), { kind: 'text', text: list }],
  ]);
};
