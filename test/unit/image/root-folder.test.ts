import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { claimFolder, type Plan, writeRoot } from '../../../local/image/root-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'roots-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('a folder that holds something of somebody else is refused and left as it is', () => {
  const folder = join(dir, 'theirs');
  mkdirSync(folder);
  writeFileSync(join(folder, 'thesis.txt'), 'x');
  assert.throws(() => claimFolder(folder), /theirs isn't empty and wasn't made by this command/);
  assert.is(readFileSync(join(folder, 'thesis.txt'), 'utf8'), 'x');
});

test('a folder that is new, empty or ours is taken', () => {
  mkdirSync(join(dir, 'empty'));
  for (const name of ['new/deep', 'empty', 'new/deep']) claimFolder(join(dir, name));
});

test('a root is replaced as a whole, and a file in two roots is there once', () => {
  const source = join(dir, 'program');
  writeFileSync(source, 'program', { mode: 0o700 });
  const folder = join(dir, 'roots');
  claimFolder(folder);
  const copies = new Map<string, string>();
  const plan: Plan = new Map([['/bin/program', { kind: 'file', source, executable: true }]]);
  writeRoot(folder, 'one', new Map([...plan, ['/etc/old', { kind: 'text', text: '' }]]), copies);
  writeRoot(folder, 'one', plan, new Map());
  assert.not(existsSync(join(folder, 'one/etc')));
  const again = new Map<string, string>();
  writeRoot(folder, 'one', plan, again);
  writeRoot(folder, 'two', plan, again);
  const info = statSync(join(folder, 'one/bin/program'));
  assert.is(info.ino, statSync(join(folder, 'two/bin/program')).ino);
  assert.not.equal(info.ino, statSync(source).ino, "what the root is made of isn't changed with it");
  assert.is(info.mode & 0o777, 0o755);
  assert.is(statSync(source).mode & 0o777, 0o700);
});

test('a root whose plan fails leaves the former one', () => {
  const folder = join(dir, 'kept');
  claimFolder(folder);
  writeRoot(folder, 'one', new Map([['/a', { kind: 'text', text: 'a' }]]), new Map());
  assert.throws(() => writeRoot(folder, 'one', new Map([['/a', { kind: 'file', source: join(dir, 'absent') }]]), new Map()), /ENOENT/);
  assert.is(readFileSync(join(folder, 'one/a'), 'utf8'), 'a');
});

test.run();
