import { basename } from 'node:path';
import type { LoadResult } from './store-bundle.ts';

export interface Failure {
  readonly path: string;
  readonly reason: string;
}

/** Counts what became of the files, shows it while it goes on, and sums it up. */
export interface Progress {
  done(path: string, result: LoadResult, resources: number): void;
  note(text: string): void;
  summary(): { readonly text: string; readonly failed: number };
}

const thousands = (n: number): string => Math.round(n).toLocaleString('en-US');

/** On a terminal one line is rewritten; elsewhere each file gets its own. */
export const createProgress = (files: number, out: NodeJS.WriteStream): Progress => {
  const startedAt = performance.now();
  const failures: Failure[] = [];
  const counts = { stored: 0, skipped: 0, left: 0, failed: 0 };
  let resources = 0;
  const rate = (): string =>
    `${thousands(resources)} resources, ${thousands(resources / Math.max(0.001, (performance.now() - startedAt) / 1000))}/s`;
  const show = (text: string): void => void out.write(out.isTTY ? `\r\u001B[K${text}` : `${text}\n`);
  return {
    done(path, result, count) {
      counts[result.kind] += 1;
      if (result.kind === 'stored') resources += count;
      if (result.kind === 'failed') failures.push({ path, reason: result.reason });
      const finished = counts.stored + counts.skipped + counts.failed;
      if (result.kind !== 'left') show(`${finished}/${files} files, ${rate()}  ${basename(path)} ${result.kind}`);
    },
    note: (text) => show(text),
    summary() {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      const lines = [
        `${counts.stored} of ${files} files stored, ${rate()}, in ${seconds} s`,
        ...(counts.skipped > 0 ? [`${counts.skipped} skipped: stored before`] : []),
        ...(counts.left > 0 ? [`${counts.left} not sent: run the same command again to go on`] : []),
        ...(failures.length > 0 ? [`${failures.length} failed:`, ...failures.map(({ path, reason }) => `  ${path}: ${reason}`)] : []),
      ];
      return { text: `${out.isTTY ? '\r\u001B[K' : ''}${lines.join('\n')}\n`, failed: failures.length };
    },
  };
};
