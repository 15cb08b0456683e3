import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROJECT } from '../../../local/toolchain.ts';

const SERVER = '"/usr/local/pgsql/bin/postgres"';
const shell = (...args: string[]): { status: number | null; stderr: string } =>
  spawnSync(process.execPath, [join(PROJECT, 'local/image/initdb-shell.ts'), ...args], { encoding: 'utf8', timeout: 10_000 });

test('a program other than the server is not started', () => {
  for (const line of [
    'echo hello',
    '/bin/echo hello',
    '"/usr/local/bin/node" -e 1',
    'locale -a',
    '',
    '/usr/local/pgsql/bin/../bin/initdb',
  ]) {
    const { status, stderr } = shell('-c', line);
    assert.is(status, 127, line);
    assert.match(stderr, /is not to be started/, line);
  }
});

test('what a shell would expand, chain or write is refused before anything is started', () => {
  for (const more of [
    '; id',
    '| id',
    '&& id',
    '`id`',
    '$(id)',
    '"$HOME"',
    '> /run/file',
    '>> /dev/null',
    '< /etc/passwd',
    '\nid',
    '2>/run/x',
    '*',
    '~',
    '\\;',
  ]) {
    const { status, stderr } = shell('-c', `${SERVER} --version ${more}`);
    assert.is(status, 127, more);
    assert.match(stderr, /not understood from/, more);
  }
});

test('without a command line there is no prompt', () => {
  for (const args of [[], ['-i'], ['script.sh'], ['-c']]) assert.match(shell(...args).stderr, /only -c COMMAND is known/);
});

test.run();
