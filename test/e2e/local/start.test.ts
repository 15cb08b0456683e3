import { type ChildProcess, exec, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts, isFree } from '../../../local/ports.ts';
import type { SystemState } from '../../../local/system.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { eventually } from '../../support/stack.ts';

const data = mkdtempSync(join(tmpdir(), "start in Peter's folder-"));
let port: number;
test.before(async () => {
  [port] = (await freePorts(1)) as [number];
});
test.after(() => rmSync(data, { recursive: true, force: true }));

interface Run {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number>;
}

const npmStart = (...args: string[]): Run => npmStartWith({}, ...args);
const npmStartWith = (settings: Readonly<Record<string, string>>, ...args: string[]): Run => {
  const env = { ...process.env, ...settings };
  const child = spawn('npm', ['start', '--', '--data', data, '--port', String(port), ...args], { cwd: PROJECT, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output, exit: once(child, 'exit').then(([code]) => code as number) };
};
const ready = async (run: Run): Promise<SystemState> => {
  await eventually(
    'ready',
    () => {
      if (run.child.exitCode !== null) throw new Error(run.output());
      return run.output().includes('Ready after');
    },
    60_000,
  );
  return JSON.parse(readFileSync(join(data, 'state.json'), 'utf8')) as SystemState;
};
const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const partsOf = ({ pids }: SystemState): number[] => Object.entries(pids).flatMap(([name, pid]) => (name === 'npm' ? [] : [pid]));

test('npm start prints commands that work as they are, and SIGTERM stops all of it', async () => {
  const run = npmStart();
  const state = await ready(run);
  assert.is(statSync(join(data, 'state.json')).mode & 0o777, 0o600);
  const commands = run
    .output()
    .split('\n')
    .flatMap((line) => (line.startsWith('  curl ') ? [line.trim()] : []));
  assert.is(commands.length, 3);
  const answers = [];
  for (const command of commands)
    answers.push(
      JSON.parse((await promisify(exec)(`${command} -s`, { maxBuffer: 1 << 25 })).stdout) as { resourceType: string; id?: string },
    );
  assert.equal(
    answers.map(({ resourceType }) => resourceType),
    ['CapabilityStatement', 'Patient', 'Patient'],
  );
  assert.equal(answers[2], answers[1]);

  const second = npmStart();
  assert.is(await second.exit, 1);
  assert.match(second.output(), /is in use by the run with pid/);

  run.child.kill('SIGTERM');
  assert.is(await run.exit, 0);
  assert.equal(partsOf(state).filter(isRunning), []);
  assert.ok(await isFree(port));
});

test('what was stored is there after a restart; a part that dies takes the others along and shows why', async () => {
  const run = npmStart();
  const state = await ready(run);
  const { stdout } = await promisify(exec)(
    `${run
      .output()
      .split('\n')
      .filter((line) => line.startsWith('  curl '))
      .at(-1)!} -s`,
  );
  assert.is((JSON.parse(stdout) as { id: string }).id, 'example');
  process.kill(state.pids['gateway']!, 'SIGKILL');
  assert.is(await run.exit, 1);
  assert.match(run.output(), /gateway was killed by SIGKILL; the end of its log/);
  assert.equal(partsOf(state).filter(isRunning), []);
});

test('a port in use is named', async () => {
  const { createServer } = await import('node:net');
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  const run = npmStart();
  assert.is(await run.exit, 1);
  assert.match(run.output(), new RegExp(`Port ${port} is in use`));
  server.close();
});

test('a database of its own that does not answer is named by its setting', async () => {
  const run = npmStartWith({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/x' });
  assert.is(await run.exit, 1);
  assert.match(run.output(), /the database of DATABASE_URL can't be used: .*ECONNREFUSED/);
});

test('after kill -9 of npm itself everything stops, cleanly', async () => {
  const run = npmStart();
  const state = await ready(run);
  run.child.kill('SIGKILL');
  await eventually('all is stopped', () => Object.values(state.pids).every((pid) => !isRunning(pid)), 12_000);
});

test('after kill -9 of the supervisor nothing is left, and the next start works; --fresh begins with nothing', async () => {
  const killed = npmStart();
  const state = await ready(killed);
  process.kill(state.pids['npm']!, 'SIGKILL');
  await eventually('the parts are stopped', () => partsOf(state).every((pid) => !isRunning(pid)), 15_000);
  const run = npmStartWith({ FHIR_CONDITIONAL_DELETE: 'multiple' }, '--fresh');
  await ready(run);
  const commands = run
    .output()
    .split('\n')
    .filter((line) => line.startsWith('  curl '));
  const said = async (command: string): Promise<string> => (await promisify(exec)(`${command} -s`, { maxBuffer: 1 << 25 })).stdout;
  assert.is((JSON.parse(await said(commands.at(-1)!)) as { resourceType: string }).resourceType, 'OperationOutcome');
  assert.match(await said(commands[0]!), '"conditionalDelete":"multiple"', 'what is set for the FHIR server reaches it');
  run.child.kill('SIGINT');
  assert.is(await run.exit, 0);
});

test.run();
