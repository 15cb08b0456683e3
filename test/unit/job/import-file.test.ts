import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { folderSource } from '../../../fhir/job/import/folder-source.ts';
import { type Line, readLines } from '../../../fhir/job/import/import-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'import-'));
const source = folderSource(folder);
test.after(() => rmSync(folder, { recursive: true }));

const RANGE = { maxLines: 3, maxBytes: 1 << 20, maxLineBytes: 600_000 };

const readAll = async (name: string, range = RANGE): Promise<Line[]> => {
  const file = await source.find(name, undefined);
  const all: Line[] = [];
  for (let offset = 0; ;) {
    const batch = await readLines(source, file, { ...range, offset, lines: all.length });
    all.push(...batch.lines);
    offset = batch.offset;
    if (batch.isEnd) return all;
  }
};

test('reads every line once, over chunks and batches, with and without an end of the last one', async () => {
  const texts = ['a', '', 'ü'.repeat(150_000), 'x'.repeat(300_000), 'b', 'c', 'd', 'e'];
  for (const end of ['', '\n']) {
    writeFileSync(join(folder, 'lines'), texts.join('\n') + end);
    assert.equal(
      (await readAll('lines')).map(({ number, text }) => [number, text]),
      texts.map((text, i) => [i + 1, text]),
    );
  }
});

test('passes over a line that is too long or no UTF-8, and goes on after it', async () => {
  writeFileSync(
    join(folder, 'bad'),
    Buffer.concat([Buffer.from('a\n'), Buffer.alloc(700_000, 'x'), Buffer.from('\n'), Buffer.from([0xff, 10]), Buffer.from('b\n')]),
  );
  assert.equal(
    (await readAll('bad')).map(({ text }) => text),
    ['a', undefined, undefined, 'b'],
  );
});

test('an empty file has no line', async () => {
  writeFileSync(join(folder, 'empty'), '');
  assert.equal(await readAll('empty'), []);
});

test('finds nothing outside of the folder', async () => {
  symlinkSync('/etc/passwd', join(folder, 'link'));
  for (const name of [
    'link',
    '../passwd',
    '/etc/passwd',
    'a/../../b',
    '.hidden',
    'nothing',
    'http://example.org/a.ndjson',
    'file:///etc/passwd',
    'a//b',
    '',
  ]) {
    let message = '';
    await source.find(name, undefined).catch((error: Error) => (message = error.message));
    assert.match(message, /import folder/, name);
  }
});

test('notices that a file was changed', async () => {
  writeFileSync(join(folder, 'changing'), 'a\n');
  const file = await source.find('changing', undefined);
  writeFileSync(join(folder, 'changing'), 'a\nb\n');
  let message = '';
  await readLines(source, file, { ...RANGE, offset: 0, lines: 0 }).catch((error: Error) => (message = error.message));
  assert.match(message, /was changed while it was imported/);
});

test.run();
