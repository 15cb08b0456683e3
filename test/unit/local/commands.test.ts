import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PROJECT } from '../../../local/toolchain.ts';

const run = (file: string, ...args: string[]): { code: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { cwd: PROJECT, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
};

const COMMANDS = { 'local/pki/cli.ts': 'pki', 'gateway/cli.ts': 'gateway', 'fhir/audit/cli.ts': 'audit' };
for (const [file, name] of Object.entries(COMMANDS))
  test(`npm run ${name} tells its usage to who asks, and to who asks wrongly, without a stack`, () => {
    for (const help of ['--help', '-h']) {
      const { code, out } = run(file, help);
      assert.is(code, 0, help);
      assert.match(out, `npm run ${name} -- `);
    }
    for (const args of [
      ['list', '--colour'],
      ['revoke', 'a', 'b'],
      ['check', 'a', 'b'],
      ['check', '--colour'],
      ['colour'],
      ['verify', '--colour'],
    ]) {
      const { code, out, err } = run(file, ...args);
      assert.ok(code === 1 || code === 2, `${args.join(' ')}: ${code}`);
      assert.match(`${out}${err}`, new RegExp(`npm run ${name} -- |Unknown option '--colour'|the file of one`));
      assert.not.match(err, /^ +at /m);
    }
  });

test.run();
