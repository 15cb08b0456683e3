/**
 * Loads Synthea's transaction Bundles over mutual TLS: `npm run load -- FILES…`.
 * Exit code 0: all stored; 1: some failed, each named; 2: wrong arguments; 130: interrupted, go on by the same command.
 */
import { join } from 'node:path';
import { USAGE, type LoadArguments, parseLoadArguments } from './load/arguments.ts';
import { expandFolders, firstResourceType, loadRank, readBundleFile } from './load/bundle-file.ts';
import { connect } from './load/connection.ts';
import { openJournal } from './load/journal.ts';
import { createPace } from './load/pace.ts';
import { type Progress, createProgress } from './load/progress.ts';
import { type Loading, storeBundle } from './load/store-bundle.ts';
import { targetOf } from './load/target.ts';

const loadFile = async (path: string, loading: Loading, { again, progress }: { again: boolean; progress: Progress }): Promise<void> => {
  if (loading.signal.aborted) return progress.done(path, { kind: 'left' }, 0);
  try {
    const bundle = readBundleFile(path);
    const skip = !again && loading.journal.statusOf(bundle.sha256) === 'stored';
    progress.done(path, skip ? { kind: 'skipped' } : await storeBundle(bundle, loading), bundle.resources);
  } catch (error) {
    progress.done(path, { kind: 'failed', reason: (error as Error).message }, 0);
  }
};

/** Files of one rank side by side, the ranks one after another: what is referred to is there before who refers to it. */
const loadAll = async (paths: readonly string[], concurrency: number, load: (path: string) => Promise<void>): Promise<void> => {
  const ranked = Map.groupBy(paths, (path) => loadRank(firstResourceType(path)));
  for (const rank of [0, 1, 2] as const) {
    const queue = (ranked.get(rank) ?? []).values();
    const worker = async (): Promise<void> => {
      for (const path of queue) await load(path);
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
  }
};

const main = async (options: LoadArguments): Promise<number> => {
  const target = targetOf(options);
  const files = expandFolders(options.files);
  const progress = createProgress(files.length, process.stderr);
  const interrupt = new AbortController();
  const stop = (): void => {
    // The second Ctrl-C leaves at once: what was under way is marked as begun in the journal.
    if (interrupt.signal.aborted) process.exit(130);
    interrupt.abort();
    progress.note('stopping: waiting for the Bundles under way (again to leave at once)');
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const connection = connect(target, options.concurrency);
  const loading: Loading = {
    connection,
    journal: openJournal(join(options.data, 'load-journal'), target.base),
    pace: createPace((ms) => progress.note(`over quota: waiting ${Math.ceil(ms / 1000)} s as the server asks`)),
    signal: interrupt.signal,
  };
  await loadAll(files, options.concurrency, (path) => loadFile(path, loading, { again: options.again, progress }));
  connection.close();
  const { text, failed } = progress.summary();
  process.stdout.write(text);
  if (interrupt.signal.aborted) return 130;
  return failed > 0 ? 1 : 0;
};

try {
  if (process.argv.includes('--help')) process.stdout.write(USAGE);
  else process.exitCode = await main(parseLoadArguments(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
