import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROJECT } from '../../../local/toolchain.ts';
import { wereTogether } from '../../k8s/support/load.ts';
import { merged } from '../../k8s/support/release.ts';
import { reportText } from '../../k8s/support/report.ts';
import { byComponent, usageBetween } from '../../k8s/support/usage.ts';

const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}): { status: number | null; lines: string[] } => {
  const { status, stdout } = spawnSync(process.execPath, [join(PROJECT, 'test/k8s/k8s.ts'), ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...env },
  });
  return { status, lines: stdout.trimEnd().split('\n') };
};

test('without a cluster everything is skipped, with a word, and that is no failure', () => {
  const { status, lines } = start([]);
  assert.is(status, 0);
  assert.match(lines[0]!, /KUBECONFIG is not set/);
  assert.is(lines.at(-1), '0 passed, 0 failed, skipped');
});

test('without helm it says so', () => {
  const { status, lines } = start([], { KUBECONFIG: '/nowhere', PATH: '/nowhere' });
  assert.is(status, 0);
  assert.match(lines[0]!, /there is no (kubectl|helm) on PATH/);
});

test('a case that there isn’t is refused before anything is touched', () => {
  assert.is(start(['no-such-case'], { KUBECONFIG: '/nowhere' }).status, 2);
});

test('values are laid over others member by member, lists as a whole', () => {
  const base = { image: { tag: 'a', registry: 'r' }, list: [1, 2], one: 1 };
  assert.equal(merged(base, { image: { tag: 'b' }, list: [3], two: null }), {
    image: { tag: 'b', registry: 'r' },
    list: [3],
    one: 1,
    two: null,
  });
});

test('failures are of one moment when all of them were open at it', () => {
  assert.ok(wereTogether([]));
  assert.ok(
    wereTogether([
      { startedMs: 1000, tookMs: 300 },
      { startedMs: 1250, tookMs: 10 },
    ]),
  );
  assert.not.ok(
    wereTogether([
      { startedMs: 1000, tookMs: 100 },
      { startedMs: 1700, tookMs: 100 },
    ]),
  );
});

test('usage is of containers that were there before and after, the highest of each component', () => {
  const usage = (container: string, workingSetMb: number, cpuSeconds: number, at: number) => ({ container, workingSetMb, cpuSeconds, at });
  const rates = usageBetween(
    [usage('p-1/fhir', 90, 1, 0), usage('p-2/fhir', 90, 1, 0), usage('p-3/gateway', 50, 1, 0)],
    [usage('p-1/fhir', 120, 2, 10_000), usage('p-2/fhir', 100, 4, 10_000), usage('p-4/gateway', 60, 0, 10_000)],
  );
  assert.equal(byComponent(rates), { fhir: { mb: 120, cpu: 0.3, pods: 2 } });
});

test('the report is one table, and says what was skipped and what failed', () => {
  const text = reportText({ rows: [{ name: 'a', what: 'b|c', value: 'd' }], skipped: ['a: b: why'], failures: ['a: not so'], passed: 1 });
  assert.match(text, /\| a \| b\\\|c \| d \|/);
  assert.match(text, /Skipped:\n\n- a: b: why/);
  assert.match(text, /Failed:\n\n- a: not so/);
});

test.run();
