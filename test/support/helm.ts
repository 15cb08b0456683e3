import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { PROJECT } from '../../local/toolchain.ts';

export const CHART = join(PROJECT, 'charts/portcullis');
/** What a rendering without a cluster pretends to be installed on. */
const KUBERNETES = ['--kube-version', '1.34.0'];

/** The path of a program on PATH, undefined where there is none. */
export const findProgram = (name: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

export interface Rendering {
  /** What helm would send to the cluster. */
  readonly output: string;
  /** Why it sends nothing. */
  readonly refusal: string | undefined;
}

/** Renders the chart as a release named p in the namespace fhir. */
export const renderChart = (helm: string, valuesFiles: readonly string[], options: readonly string[] = []): Rendering => {
  const files = valuesFiles.flatMap((file) => ['-f', file]);
  const { status, stdout, stderr } = spawnSync(helm, ['template', 'p', CHART, '-n', 'fhir', ...KUBERNETES, ...files, ...options], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  return { output: stdout, refusal: status === 0 ? undefined : stderr };
};

/** Throws with helm's own words where the chart has a fault. */
export const lintChart = (helm: string, valuesFile: string): string =>
  execFileSync(helm, ['lint', CHART, '--strict', ...KUBERNETES, '-f', valuesFile], { encoding: 'utf8' });
