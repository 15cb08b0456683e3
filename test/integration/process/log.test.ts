import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../../local/ports.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { startPostgres, type TestDatabase, type TestPostgres } from '../../support/postgres.ts';
import { eventually } from '../../support/stack.ts';

let server: TestPostgres;
let database: TestDatabase;
let dir: string;
test.before(async () => {
  server = await startPostgres();
  database = await server.createDatabase();
  dir = mkdtempSync(join(tmpdir(), 'log-'));
  writeFileSync(join(dir, 'identity.keys'), `k1:${randomBytes(32).toString('base64')}\n`);
});
test.after(async () => {
  await database.drop();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Each is refused and logged; all together are more than a pipe takes. */
const REQUESTS = 1000;
const DRAIN_SECONDS = 5;

const startFhir = async (stdout: 'pipe' | number): Promise<{ child: ChildProcess; ask: () => Promise<number> }> => {
  const [port] = await freePorts(1);
  const child = spawn(process.execPath, ['fhir/main.ts'], {
    cwd: PROJECT,
    stdio: ['ignore', stdout, 'inherit'],
    env: {
      DATABASE_URL: database.appUrl,
      FHIR_BASE_URL: 'http://localhost/fhir',
      FHIR_PORT: String(port),
      IDENTITY_KEYS_FILE: join(dir, 'identity.keys'),
      DRAIN_SECONDS: String(DRAIN_SECONDS),
    },
  });
  const ask = async (): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${port}/fhir/Patient/x`);
    await response.text();
    return response.status;
  };
  await eventually('it answers', async () => (await ask().catch(() => 0)) === 401, 15_000);
  return { child, ask };
};

for (const [what, open] of [
  ['on a full disk', () => openSync('/dev/full', 'w')],
  ['whose reader is gone', () => 'pipe'],
  ['whose reader does not read', () => 'pipe'],
] satisfies [string, () => 'pipe' | number][])
  test(`a process with a log ${what} serves on, and ends in time when it is told to`, async () => {
    const stdout = open();
    const { child, ask } = await startFhir(stdout);
    try {
      if (typeof stdout === 'number') closeSync(stdout);
      if (what === 'whose reader is gone') child.stdout!.destroy();
      const exited = once(child, 'exit');
      for (let asked = 0; asked < REQUESTS; asked += 20)
        assert.equal([...new Set(await Promise.all(Array.from({ length: 20 }, ask)))], [401]);
      child.kill('SIGTERM');
      const late = AbortSignal.timeout(DRAIN_SECONDS * 1000 + 2000);
      assert.equal(await Promise.race([exited, once(late, 'abort')]), [0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });

test('a log that can be written again tells how many lines were lost, once', async () => {
  const { child, ask } = await startFhir('pipe');
  try {
    // 2 MB: more than what waits for a reader.
    for (let asked = 0; asked < 16_000; asked += 100) await Promise.all(Array.from({ length: 100 }, ask));
    const told: number[] = [];
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (part: string) => (text += part));
    await eventually('it is told', () => text.includes('log lines lost'), 5000);
    await ask();
    await sleep(100);
    for (const line of text.split('\n').filter(Boolean)) {
      const { msg, lines } = JSON.parse(line) as { msg: string; lines?: number };
      if (msg === 'log lines lost') told.push(lines!);
    }
    assert.is(told.length, 1);
    assert.is(told[0]! > 0, true);
  } finally {
    child.kill('SIGKILL');
  }
});

test.run();
