import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { followImports, referencesOf } from '../../../local/image/import-graph.ts';

const dir = mkdtempSync(join(tmpdir(), 'imports-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** Writes a project; its name keeps the tests apart. */
const project = (name: string, files: Readonly<Record<string, string>>): string => {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name, path)), { recursive: true });
    writeFileSync(join(dir, name, path), text);
  }
  return join(dir, name);
};

test('static, dynamic and required names are found, written over several lines or not', () => {
  const { modules } = referencesOf(`
import './effect.ts';
import first, { second } from './named.ts';
import {
  many,
  type Kind,
} from './many.ts';
import * as all from '@scope/all/deep';
export { again } from './again.ts';
const later = await import('./later.ts');
const old = createRequire(import.meta.url)('old') as { a: 1 };
const require = createRequire(import.meta.url);
const older = require('older/inner');
`);
  assert.equal(modules.toSorted(), [
    './again.ts',
    './effect.ts',
    './later.ts',
    './many.ts',
    './named.ts',
    '@scope/all/deep',
    'old',
    'older/inner',
  ]);
});

test('types and comments ask for nothing', () => {
  const { modules } = referencesOf(`
import type { A } from './types.ts';
export type { B } from './more-types.ts';
// import('./comment.ts')
/** import('./docs.ts') */
const x = y as import('package-of-types').Z;
`);
  assert.equal(modules, []);
});

test("a function of one's own may be called require", () => {
  assert.equal(referencesOf('const require = (file: string) => file; require(name);').modules, []);
});

test('a name that is computed is refused', () => {
  assert.throws(() => referencesOf('const a = await import(`./${name}.ts`);'), /only a name that is written out/);
  assert.throws(() => referencesOf('const require = createRequire(import.meta.url); require(name);'), /require\(name\)/);
});

test('files, data beside them and packages are followed through every file', () => {
  const root = project('whole', {
    'a/main.ts': "import { b } from '../b/b.ts';\nimport { readFileSync } from 'node:fs';\nimport pino from 'pino';\n",
    'b/b.ts': "const FOLDER = new URL('data/', import.meta.url);\nexport const b = await import('./lazy.ts');\n",
    'b/lazy.ts': "import { S3 } from '@aws-sdk/client-s3/deep';\nimport '../a/main.ts';\nnew URL('../package.json', import.meta.url);\n",
    'b/data/one.json': '{}',
    'b/data/more/two.json': '{}',
    'b/data/code.ts': "import 'hono';\n",
    'c/template.yaml': '',
    'package.json': '{}',
    'a/other.ts': '',
  });
  assert.equal(followImports(root, ['a/main.ts'], ['c']), {
    files: ['a/main.ts', 'b/b.ts', 'b/data/code.ts', 'b/data/more/two.json', 'b/data/one.json', 'b/lazy.ts', 'c/template.yaml'],
    packages: ['@aws-sdk/client-s3', 'hono', 'pino'],
  });
});

test('a file that is not there is named together with the one that needs it', () => {
  const root = project('broken', { 'main.ts': "import './gone.ts';\n" });
  assert.throws(() => followImports(root, ['main.ts']), /^gone\.ts isn't there, and main\.ts needs it/);
  const data = project('no-data', { 'main.ts': "new URL('data/gone.json', import.meta.url);\n" });
  assert.throws(() => followImports(data, ['main.ts']), /^data\/gone\.json isn't there, and main\.ts needs it/);
  const computed = project('computed', { 'main.ts': "import './next.ts';\n", 'next.ts': 'await import(name);\n' });
  assert.throws(() => followImports(computed, ['main.ts']), /^couldn't follow next\.ts: import\(name\)/);
  assert.throws(() => followImports(root, ['absent.ts']), /absent\.ts isn't there, and the table of images needs it/);
});

test.run();
