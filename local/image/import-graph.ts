/** Finds what a program of this project needs to run, by reading its code: files, data beside them, packages. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin, stripTypeScriptTypes } from 'node:module';
import { dirname, join, relative } from 'node:path';

export interface Graph {
  /** Paths below the project's folder, sorted. */
  readonly files: readonly string[];
  /** Names of packages, sorted. */
  readonly packages: readonly string[];
}

interface References {
  readonly modules: readonly string[];
  /** Relative to the file, by `new URL(…, import.meta.url)`. */
  readonly data: readonly string[];
}

const STATIC = /^(?:import|export)\s+(?:[\w$*{},\s]+?\s+from\s+)?'([^']+)'/gm;
const DYNAMIC = /\bimport\(\s*([^)]*?)\s*,?\s*\)/g;
const REQUIRED = /\b(?:require|createRequire\(import\.meta\.url\))\(\s*([^)]*?)\s*\)/g;
const DATA = /\bnew URL\(\s*'([^']+)',\s*import\.meta\.url\s*\)/g;
const COMMENT_LINE = /^\s*(?:\/\/|\/?\*).*$/gm;

const literal = (text: string, what: string): string => {
  const [, name] = /^'([^']+)'$/.exec(text) ?? [];
  if (name === undefined) throw new Error(`${what}(${text}): only a name that is written out can be followed`);
  return name;
};

/** What one file's code asks for when it runs; types don't count. */
export const referencesOf = (code: string): References => {
  const running = stripTypeScriptTypes(code).replaceAll(COMMENT_LINE, '');
  const all = (pattern: RegExp): string[] => Array.from(running.matchAll(pattern), (match) => match[1]!);
  // Without createRequire a function of that name is somebody's own.
  const required = running.includes('createRequire(') ? all(REQUIRED).filter((text) => text !== 'import.meta.url') : [];
  return {
    modules: [...all(STATIC), ...all(DYNAMIC).map((text) => literal(text, 'import')), ...required.map((text) => literal(text, 'require'))],
    data: all(DATA),
  };
};

const referencesIn = (file: string, name: string): References => {
  try {
    return referencesOf(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error(`couldn't follow ${name}: ${(cause as Error).message}`, { cause });
  }
};

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** The file itself, also when it isn't there. */
const filesBelow = (path: string): string[] =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory()
    ? readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
    : [path];

/**
 * Follows `entries` (paths below `project`) and `data` to everything that they need. Throws with the names of both files on a
 * reference that can't be followed. package.json is left out: each image has one of its own.
 */
export const followImports = (project: string, entries: readonly string[], data: readonly string[] = []): Graph => {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (path: string, from: string): void => {
    if (files.has(path) || path === 'package.json') return;
    const absolute = join(project, path);
    if (!existsSync(absolute)) throw new Error(`${path} isn't there, and ${from} needs it`);
    files.add(path);
    if (!/\.m?[jt]s$/.test(path)) return;
    const beside = (name: string): string => join(dirname(absolute), name);
    const { modules, data: named } = referencesIn(absolute, path);
    for (const name of named) for (const file of filesBelow(beside(name))) visit(relative(project, file), path);
    for (const name of modules) {
      if (name.startsWith('.')) visit(relative(project, beside(name)), path);
      else if (!isBuiltin(name)) packages.add(packageOf(name));
    }
  };
  for (const path of entries) visit(path, 'the table of images');
  for (const path of data) for (const file of filesBelow(join(project, path))) visit(relative(project, file), 'the table of images');
  return { files: [...files].sort(), packages: [...packages].sort() };
};
