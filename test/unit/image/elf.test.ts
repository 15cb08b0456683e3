import { closeSync, ftruncateSync, openSync, mkdtempSync, rmSync, writeFileSync, readSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readElf } from '../../../local/image/elf.ts';
import { sharedLibraries } from '../../../local/image/shared-libraries.ts';

const dir = mkdtempSync(join(tmpdir(), 'elf-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

test("Node's own binary names its machine, its loader and the C library", () => {
  const elf = readElf(process.execPath)!;
  assert.is(elf.machine, process.arch === 'arm64' ? 183 : 62);
  assert.match(elf.interpreter!, /^\/lib.*\/ld-linux/);
  assert.ok(elf.needed.includes('libc.so.6'), elf.needed.join(' '));
});

test('a text is no program', () => {
  const file = join(dir, 'text');
  writeFileSync(file, '#!/bin/sh\n');
  assert.is(readElf(file), undefined);
});

test('a program that is cut short is refused with its name', () => {
  const head = Buffer.alloc(4096);
  const from = openSync(process.execPath, 'r');
  readSync(from, head, 0, head.length, 0);
  closeSync(from);
  const file = join(dir, 'cut');
  writeFileSync(file, head);
  assert.throws(() => readElf(file), /cut is no sound ELF file/);
  const to = openSync(file, 'r+');
  ftruncateSync(to, 40);
  closeSync(to);
  assert.throws(() => readElf(file), /it ends at 40/);
});

test('the libraries of a program lie beside the C library, its loader where the program looks for it', () => {
  const found = sharedLibraries([process.execPath]);
  const { interpreter, needed } = readElf(process.execPath)!;
  assert.ok(found.has(interpreter!));
  const home = [...found.keys()].find((path) => path.endsWith('/libc.so.6'))!.replace('libc.so.6', '');
  for (const name of needed.filter((each) => !interpreter!.endsWith(each))) assert.ok(found.has(home + name), name);
});

test('a library that its program brings along is not looked for on this system', () => {
  const found = sharedLibraries([process.execPath], new Set(['libstdc++.so.6']));
  assert.not([...found.keys()].some((path) => path.endsWith('libstdc++.so.6')));
});

test.run();
