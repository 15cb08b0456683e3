import { eventOf } from '../../audit/trail.ts';
import { FhirError, outcomeText } from '../../http/outcome.ts';
import type { JobFiles } from '../files.ts';
import { callerOf, type JobContext, type JobKind, JobLost, type JobResult, type Requester } from '../job.ts';
import type { JobSettings } from '../jobs.ts';
import { readLines } from './import-file.ts';
import type { ImportFile, ImportSource } from './import-source.ts';
import { type Imported, importLines } from './import-lines.ts';

/** A job's request. */
export interface ImportRequest {
  readonly files: readonly ImportFile[];
  readonly url: string;
  readonly requester: Requester;
}

interface ImportState {
  /** The file that is being read, by its place, and what of it is done. */
  readonly file: number;
  readonly offset: number;
  readonly lines: number;
  /** Of each file, resources stored by type, and lines that couldn't be. */
  readonly stored: readonly Readonly<Record<string, number>>[];
  readonly failed: readonly number[];
  /** Bytes of the file of errors that count; what lies after them is of a batch that will be done again. */
  readonly errorBytes: number;
}

const MAX_LINES = 200;
const MAX_BYTES = 2 << 20;
const ERRORS = 'errors.ndjson';

interface ImportPlaces {
  readonly importBucket: ImportSource;
  readonly exportBucket: JobFiles;
}

const run = async ({ importBucket, exportBucket }: ImportPlaces, context: JobContext): Promise<JobResult> => {
  const { server, job, signal } = context;
  const { files, url, requester } = JSON.parse(job.request) as ImportRequest;
  let state: ImportState =
    job.state === null
      ? { file: 0, offset: 0, lines: 0, stored: files.map(() => ({})), failed: files.map(() => 0), errorBytes: 0 }
      : (JSON.parse(job.state) as ImportState);
  while (state.file < files.length) {
    if (signal.aborted) throw new JobLost(job.id);
    const file = files[state.file]!;
    const range = {
      offset: state.offset,
      lines: state.lines,
      maxLines: MAX_LINES,
      maxBytes: MAX_BYTES,
      maxLineBytes: server.limits.resourceBytes,
    };
    const { identity, requestId } = callerOf(requester, await context.scopes());
    const batch = await readLines(importBucket, file, range);
    const imported = await importLines({ server, identity, requestId, job: job.id, file: file.name, type: file.type }, batch.lines);
    const text = imported.errors.map((each) => errorLine(file.name, each)).join('');
    const errorBytes =
      text === '' ? state.errorBytes : await exportBucket.append({ job: job.id, name: ERRORS, at: state.errorBytes, text });
    state = after(state, imported, { ...batch, errorBytes });
    await context.checkpoint(
      state,
      `${Math.min(state.file + 1, files.length)} of ${files.length} files, ${totalOf(state.stored)} resources`,
    );
    await context.rest();
  }
  if (state.errorBytes > 0) await exportBucket.publish({ job: job.id, name: ERRORS, bytes: state.errorBytes });
  const failed = state.failed.reduce((sum, each) => sum + each, 0);
  const result = {
    transactionTime: new Date().toISOString(),
    request: url,
    requiresAccessToken: false,
    output: files.flatMap(({ name }, i) => Object.entries(state.stored[i]!).map(([type, count]) => ({ type, count, inputUrl: name }))),
    error: failed === 0 ? [] : [{ type: 'OperationOutcome', url: `${server.baseUrl}/$import/${job.id}/${ERRORS}`, count: failed }],
  };
  const types: Record<string, number> = {};
  for (const counts of state.stored) for (const [type, count] of Object.entries(counts)) types[type] = (types[type] ?? 0) + count;
  const caller = callerOf(requester, new Map());
  const event = eventOf(caller, { status: 200, reason: 'import done', count: totalOf(state.stored), job: { id: job.id, types } });
  return { status: 'done', result: JSON.stringify(result), events: [event] };
};

const totalOf = (stored: ImportState['stored']): number =>
  stored.reduce((sum, counts) => sum + Object.values(counts).reduce((all, each) => all + each, 0), 0);

const after = (
  state: ImportState,
  { stored, errors }: Imported,
  {
    lines,
    offset,
    isEnd,
    errorBytes,
  }: { readonly lines: readonly unknown[]; readonly offset: number; readonly isEnd: boolean; readonly errorBytes: number },
): ImportState => {
  const counts: Record<string, number> = { ...state.stored[state.file] };
  for (const [type, count] of Object.entries(stored)) counts[type] = (counts[type] ?? 0) + count;
  return {
    ...(isEnd ? { file: state.file + 1, offset: 0, lines: 0 } : { file: state.file, offset, lines: state.lines + lines.length }),
    stored: state.stored.with(state.file, counts),
    failed: state.failed.with(state.file, state.failed[state.file]! + errors.length),
    errorBytes,
  };
};

const errorLine = (file: string, { line, error }: Imported['errors'][number]): string => {
  const issues = error.issues.map((issue) => ({ ...issue, diagnostics: `${file}, line ${line}: ${issue.diagnostics}` }));
  return `${outcomeText(issues)}\n`;
};

/**
 * Stores files line by line, in batches. A batch that was stored when its process died is done again: its resources are found as they
 * are, so that no version comes of it.
 */
export const importKind = ({ importBucket, exportBucket }: JobSettings): JobKind => ({
  run: async (context) => {
    if (importBucket === undefined || exportBucket === undefined)
      throw new Error('a job needs the place of imports: set IMPORT_BUCKET and EXPORT_BUCKET on every server of this database');
    try {
      return await run({ importBucket, exportBucket }, context);
    } catch (error) {
      if (!(error instanceof FhirError) || error.status >= 500) throw error;
      return { status: 'failed', result: outcomeText(error.issues), events: [] };
    }
  },
  discard: (id) => (exportBucket === undefined ? Promise.resolve() : exportBucket.remove(id)),
});
