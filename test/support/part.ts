/** One process of the system by itself, with the environment of a container. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGuardian } from '../../local/guardian.ts';
import { type RunningProcess, startProcess, waitUntil } from '../../local/processes.ts';
import { PROJECT } from '../../local/toolchain.ts';

export interface Part {
  readonly process: RunningProcess;
  /** Its log, as objects. */
  readonly log: () => { readonly msg?: string; readonly level?: string; readonly reason?: string; readonly port?: number }[];
  readonly stop: () => Promise<void>;
}

/** Resolves when its log has the message `until`. */
export const startPart = async (
  script: string,
  environment: Readonly<Record<string, string>>,
  { until = 'ready' }: { readonly until?: string } = {},
): Promise<Part> => {
  const dir = mkdtempSync(join(tmpdir(), 'part-'));
  const file = join(dir, 'log');
  const running = await startProcess({
    name: script,
    command: process.execPath,
    args: [script],
    cwd: PROJECT,
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    log: file,
    guardian: createGuardian(),
  });
  const log: Part['log'] = () =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'))
      .map((line) => JSON.parse(line) as ReturnType<Part['log']>[number]);
  try {
    await waitUntil(running, () => log().some(({ msg }) => msg === until), { limitMs: 15_000 });
  } catch (error) {
    await running.stop();
    throw error;
  }
  return {
    process: running,
    log,
    stop: async () => {
      running.kill('SIGCONT');
      await running.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
};
