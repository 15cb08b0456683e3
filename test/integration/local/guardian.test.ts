import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROJECT } from '../../../local/toolchain.ts';
import { eventually } from '../../support/stack.ts';

/** Watches over a child that writes into the folder until it is stopped, and waits. */
const OWNER = `
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createGuardian } from './local/guardian.ts';
const folder = process.argv[1];
const child = spawn('/bin/sh', ['-c', 'while :; do echo x >> file; sleep 0.1; done'], { cwd: folder, stdio: 'ignore', detached: true });
const guardian = createGuardian();
guardian.watch(child.pid, 'SIGTERM');
guardian.removeAtEnd(folder);
writeFileSync(folder + '/pid', String(child.pid));
setInterval(() => undefined, 1000);
`;

test('when its owner is killed, what that started is stopped and its folder removed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'guarded folder-'));
  const owner = spawn(process.execPath, ['--input-type=module', '--eval', OWNER, folder], { cwd: PROJECT, stdio: 'inherit' });
  await eventually('the child runs', () => existsSync(join(folder, 'pid')) && existsSync(join(folder, 'file')));
  const child = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  owner.kill('SIGKILL');
  await eventually('the folder is gone', () => !existsSync(folder));
  assert.throws(() => process.kill(child, 0), /ESRCH/);
});

test.run();
