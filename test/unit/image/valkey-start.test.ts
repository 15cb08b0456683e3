import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROJECT } from '../../../local/toolchain.ts';

const dir = mkdtempSync(join(tmpdir(), 'valkey-start-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const start = (env: Readonly<Record<string, string>>): string => {
  const { status, stderr } = spawnSync(process.execPath, [join(PROJECT, 'local/image/valkey.ts')], {
    env,
    encoding: 'utf8',
    timeout: 10_000,
  });
  assert.is(status, 1, stderr);
  return stderr;
};

const file = (text: string): string => {
  writeFileSync(join(dir, 'password'), text);
  return join(dir, 'password');
};

test('Valkey does not start without a password', () => {
  assert.match(start({ VALKEY_DATA: dir }), /VALKEY_PASSWORD_FILE is not set: name the file/);
});

test('a password that is short, or would be a second line of the configuration, is refused and not repeated', () => {
  for (const text of ['short', 'long-enough-to-be-one\nprotected-mode no', 'with a blank in the middle']) {
    const said = start({ VALKEY_DATA: dir, VALKEY_PASSWORD_FILE: file(text) });
    assert.match(said, /must hold 16 or more letters, digits, _ or -/);
    assert.not.match(said, new RegExp(text.slice(0, 5)));
  }
});

test('a folder for the counters that is not there, and a port that is none, are named', () => {
  const VALKEY_PASSWORD_FILE = file('a'.repeat(20));
  assert.match(start({ VALKEY_PASSWORD_FILE, VALKEY_DATA: join(dir, 'absent') }), /absent can't be written by this user: mount a volume/);
  assert.match(start({ VALKEY_PASSWORD_FILE, VALKEY_DATA: dir, VALKEY_PORT: '0' }), /VALKEY_PORT must be a port/);
});

test.run();
