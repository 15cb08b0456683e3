import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { closeOver, type Lock } from '../../../local/image/package-closure.ts';

const LOCK: Lock = {
  '': { dependencies: { a: '1' } },
  'node_modules/a': { dependencies: { b: '1', '@s/c': '1' } },
  'node_modules/a/node_modules/b': { dependencies: { d: '1' } },
  'node_modules/b': { dependencies: { nowhere: '1' } },
  'node_modules/@s/c': { peerDependencies: { e: '*', f: '*' }, peerDependenciesMeta: { f: { optional: true } } },
  'node_modules/d': { dependencies: { a: '1', '@types/d': '1' } },
  'node_modules/e': { optionalDependencies: { native: '1', missing: '1' } },
  'node_modules/native': { optional: true },
  'node_modules/f': {},
  'node_modules/tool': { dev: true },
  'node_modules/unused': {},
};

test('what a package depends on comes along, from where Node would find it', () => {
  const found = closeOver(LOCK, ['a'], () => true);
  assert.equal(found, [
    'node_modules/@s/c',
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/d',
    'node_modules/e',
    'node_modules/native',
  ]);
});

test('an optional package that is not installed here is left out', () => {
  assert.not(closeOver(LOCK, ['e'], (path) => path !== 'node_modules/native').includes('node_modules/native'));
});

test('a package that is there for development only is refused', () => {
  assert.throws(() => closeOver(LOCK, ['tool'], () => true), /tool, which the code needs, is a devDependency/);
});

test('a package that is not locked is refused with the one that needs it', () => {
  assert.throws(() => closeOver(LOCK, ['b'], () => true), /nowhere, which node_modules\/b needs, is not in package-lock\.json/);
});

test.run();
