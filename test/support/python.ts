/** A Python with the client libraries that a test drives, installed from PyPI as pinned; kept with the other tools for the next run. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PROJECT } from '../../local/toolchain.ts';

const run = promisify(execFile);

/** Path of a Python interpreter that has what `requirements` names. */
export const pythonWith = async (requirements: string): Promise<string> => {
  const name = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(PROJECT, '.portcullis/toolchain', `python-${name}`);
  const python = join(folder, 'bin/python');
  const stamp = join(folder, '.complete');
  if (!existsSync(stamp)) {
    await run(process.env['PYTHON'] ?? 'python3', ['-m', 'venv', '--clear', folder]);
    await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps', '-r', requirements]);
    writeFileSync(stamp, '');
  }
  return python;
};
