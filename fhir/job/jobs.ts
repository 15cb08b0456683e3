/** What requests know of the background: where files lie, and how to say that a job has come. */
import type { JobFiles } from './files.ts';
import type { ImportSource } from './import/import-source.ts';

export interface JobSettings {
  /** What exports and the error files of imports are written to; several servers share it. Without it there are no exports. */
  readonly exportBucket: JobFiles | undefined;
  /** Where files to import lie. Without it there are no imports. */
  readonly importBucket: ImportSource | undefined;
}

export interface Jobs extends JobSettings {
  /** Ends a sleep: there is a new job. */
  readonly wake: () => void;
  /** Resolves after `ms`, or earlier where it is woken or `signal` aborts. */
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

export const createJobs = ({ exportBucket, importBucket }: JobSettings): Jobs => {
  const sleepers = new Set<() => void>();
  return {
    exportBucket,
    importBucket,
    wake: () => {
      for (const end of sleepers) end();
    },
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          sleepers.delete(end);
          signal.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, ms);
        sleepers.add(end);
        signal.addEventListener('abort', end);
        if (signal.aborted) end();
      }),
  };
};
