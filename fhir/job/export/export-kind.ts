/**
 * Writes what a client may read into files. All of it is as it was at one moment, that of the job's first step: a version counts if the
 * snapshot taken then saw it, however long the job takes and however often it is begun again.
 */
import { eventOf } from '../../audit/trail.ts';
import { outcomeText } from '../../http/outcome.ts';
import { subset } from '../../presentation/subset.ts';
import { RID_SPAN } from '../../store/rid.ts';
import type { JobFiles } from '../files.ts';
import { callerOf, type JobContext, type JobKind, JobLost, type JobResult } from '../job.ts';
import type { Manifest, ManifestFile } from '../manifest.ts';
import { type Batch, MAX_ROWS, readBatch, takeSnapshot, WHENEVER } from './export-batch.ts';
import { type Candidates, MAX_PATIENTS_BY_INDEX, readCandidates } from './candidates.ts';
import { ExportFile, type WrittenFile } from './export-file.ts';
import { type ExportRequest, mayExport, selectionOfElements } from './export-request.ts';
import { createKeep } from './keep.ts';
import { PROVENANCE } from './provenance.ts';
import { createNotes, forgetNotes, readNoted, type Step, stepsOf } from './referred.ts';

interface ExportState {
  readonly snapshot: string;
  /** Milliseconds */
  readonly atMs: number;
  /** The step that is being done, by its place, and the last resource key that it is done with. The name is that of older releases, for their jobs. */
  readonly type: number;
  readonly after: number;
  readonly files: readonly WrittenFile[];
}

/**
 * A write gets its time before it is committed. So the time that the manifest tells lies this long before the snapshot: a next export since
 * then may bring a resource again, and misses none.
 */
const MARGIN_MS = 30_000;
/** Patients in one event. */
const MAX_PATIENTS = 500;
/** Resources that are looked at between two checkpoints where no file is written. */
const MAX_LOOKED = 50_000;

const run = async (bucket: JobFiles, context: JobContext): Promise<JobResult> => {
  const { server, job, signal } = context;
  const request = JSON.parse(job.request) as ExportRequest;
  let state = job.state === null ? undefined : (JSON.parse(job.state) as ExportState);
  if (state === undefined) {
    state = { ...(await takeSnapshot(server.db)), type: 0, after: 0, files: [] };
    await context.checkpoint(state, 'begun');
  }
  const steps = stepsOf(server.registry, request);
  const note = createNotes(server, job.id);
  while (state.type < steps.length) {
    if (signal.aborted) throw new JobLost(job.id);
    const caller = callerOf(request.requester, await context.scopes());
    const step = steps[state.type]!;
    if (!mayExport(caller.identity.scopes, step.type)) {
      state = { ...state, type: state.type + 1, after: 0 };
      continue;
    }
    const { next, files, patients } = await doPart(bucket, context, { request, caller, state, step, note });
    state = next;
    // Most types are never referred to.
    if (step.from !== 'own' && files.length === 0) continue;
    const events = files.flatMap((file) => fileEvents(caller, job.id, file, patients.get(file.name)!));
    const written = state.files.reduce((sum, { count }) => sum + count, 0);
    await context.checkpoint(state, `${Math.min(state.type + 1, steps.length)} of ${steps.length} steps, ${written} resources`, events);
  }
  if (steps.some(({ notes }) => notes !== undefined)) {
    // Whoever has lost the job mustn't take away what its present owner goes by.
    await context.checkpoint(state, 'all is read');
    await forgetNotes(server, job.id);
  }
  return finish(bucket, context, { request, state });
};

interface Part {
  readonly request: ExportRequest;
  readonly caller: ReturnType<typeof callerOf>;
  readonly state: ExportState;
  readonly step: Step;
  readonly note: ReturnType<typeof createNotes>;
}

interface WrittenPart {
  readonly next: ExportState;
  readonly files: readonly WrittenFile[];
  readonly patients: ReadonlyMap<string, ReadonlySet<string>>;
}

/** One file of a type, or the rest of it, with one of what was deleted beside it. Begun again, it makes the same files. */
const doPart = async (
  bucket: JobFiles,
  { server, job, signal, rest }: JobContext,
  { request: asked, caller, state, step, note }: Part,
): Promise<WrittenPart> => {
  const { type, from: origin, isWritten, notes } = step;
  const request = isWritten ? asked : { ...asked, sinceMs: undefined, untilMs: undefined, provenances: undefined, filters: {} };
  const from = server.registry.typeId(type) * RID_SPAN;
  const number = String(state.files.filter((file) => file.type === type && file.kind === 'output').length + 1).padStart(4, '0');
  const output = new ExportFile(
    { bucket, job: job.id, baseUrl: server.baseUrl },
    { kind: 'output', type, name: `${type}-${number}.ndjson` },
  );
  const deleted = new ExportFile(
    { bucket, job: job.id, baseUrl: server.baseUrl },
    { kind: 'deleted', type, name: `${type}-${number}.deleted.ndjson` },
  );
  const { scopes } = caller.identity;
  const patients = request.patients && new Set(request.patients);
  const keep = createKeep(server, request, { type, scopes, patients, moment: state, rest, isReferred: origin !== 'own' });
  const next = createReader(server, request, { step, state, job: job.id });
  const selection = selectionOfElements(server.registry, request.elements, true);
  const shown = (body: string): string => (selection === undefined ? body : subset(server.registry, body, selection, false));
  let after: number | undefined = Math.max(state.after, from - 1);
  let looked = 0;
  try {
    while (after !== undefined && !output.isFull && !deleted.isFull && looked < MAX_LOOKED) {
      if (signal.aborted) throw new JobLost(job.id);
      const batch = await next(after);
      const rows = await keep(batch.rows);
      if (notes !== undefined) await note(rows, notes);
      after = batch.after;
      if (!isWritten) {
        looked += batch.rows.length;
        await rest();
        continue;
      }
      await output.add(rows.flatMap((row) => (row.deleted ? [] : { line: shown(row.body), id: row.id, body: row.body })));
      await deleted.add(rows.flatMap((row) => (row.deleted ? { line: deletion(type, row.id), id: row.id, body: row.body } : [])));
      await rest();
    }
    const files: WrittenFile[] = [];
    const told = new Map<string, ReadonlySet<string>>();
    for (const file of [output, deleted]) {
      const written = await file.close();
      if (written === undefined) continue;
      files.push(written);
      told.set(written.name, file.patients);
    }
    const place = after === undefined ? { type: state.type + 1, after: 0 } : { type: state.type, after };
    return { next: { ...state, ...place, files: [...state.files, ...files] }, files, patients: told };
  } catch (error) {
    await Promise.all([output.abandon(), deleted.abandon()]);
    throw error;
  }
};

/** Reads the batch after a resource key: of all of the type, of what the index says of the patients asked for, or of what was referred to. */
const createReader = (
  server: JobContext['server'],
  { level, patients, sinceMs, untilMs, provenances }: ExportRequest,
  { step, state: { snapshot, atMs }, job }: Pick<Part, 'step' | 'state'> & { readonly job: string },
): ((after: number) => Promise<Batch>) => {
  const { type, from } = step;
  const deleted = { sinceMs, untilMs };
  // What goes with a resource that is exported may be older than it.
  const written = type === PROVENANCE && provenances !== undefined ? WHENEVER : deleted;
  const range = { end: (server.registry.typeId(type) + 1) * RID_SPAN, snapshot, written, deleted };
  const isSome = patients !== undefined && patients.length <= MAX_PATIENTS_BY_INDEX;
  if (from === 'own' && (level === 'system' || !isSome)) return (after) => readBatch(server.db, { ...range, after });
  const readMore = (after: number): Promise<Candidates> =>
    from === 'own'
      ? readCandidates(server, { type, patients: patients!, after, atMs, sinceMs })
      : readNoted(server, { job, type, round: from, after });
  let left: readonly number[] = [];
  let hasMore = true;
  return async (after) => {
    left = left.filter((rid) => rid > after);
    if (left.length === 0 && hasMore) ({ rids: left, hasMore } = await readMore(after));
    if (left.length === 0) return { rows: [], after: undefined };
    const among = left.slice(0, MAX_ROWS);
    const batch = await readBatch(server.db, { ...range, after, among });
    const isLast = among.length === left.length && !hasMore;
    return { rows: batch.rows, after: batch.after ?? (isLast ? undefined : among.at(-1)!) };
  };
};

const deletion = (type: string, id: string): string =>
  JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: [{ request: { method: 'DELETE', url: `${type}/${id}` } }] });

/** A file's events name every patient that it tells of. */
const fileEvents = (caller: ReturnType<typeof callerOf>, id: string, file: WrittenFile, patients: ReadonlySet<string>): string[] => {
  const all = [...patients];
  const job = { id, file: file.name, types: { [file.type]: file.count } };
  const chunks = Array.from({ length: Math.max(1, Math.ceil(all.length / MAX_PATIENTS)) }, (_, i) =>
    all.slice(i * MAX_PATIENTS, (i + 1) * MAX_PATIENTS),
  );
  return chunks.map((each) => eventOf(caller, { status: 200, reason: 'written for export', patients: each, count: file.count, job }));
};

const finish = async (
  bucket: JobFiles,
  { server, job }: JobContext,
  { request, state }: Pick<Part, 'request' | 'state'>,
): Promise<JobResult> => {
  const files = [...state.files];
  if (request.warnings.length > 0) {
    const errors = new ExportFile(
      { bucket, job: job.id, baseUrl: server.baseUrl },
      { kind: 'error', type: 'OperationOutcome', name: 'errors.ndjson' },
    );
    const lines = request.warnings.map((diagnostics) => outcomeText([{ severity: 'warning', code: 'not-supported', diagnostics }]));
    await errors.add(lines.map((line) => ({ line, id: '', body: '' })));
    files.push((await errors.close())!);
  }
  const listed = (kind: WrittenFile['kind']): ManifestFile[] =>
    files
      .filter((file) => file.kind === kind)
      .map(({ type, name, count, patients }) => ({
        type: kind === 'deleted' ? 'Bundle' : type,
        url: `${server.baseUrl}/$export/${job.id}/${name}`,
        count,
        extension: { patients },
      }));
  const manifest: Manifest = {
    transactionTime: new Date(state.atMs - MARGIN_MS).toISOString(),
    request: request.url,
    requiresAccessToken: false,
    output: listed('output'),
    deleted: listed('deleted'),
    error: listed('error'),
  };
  const types: Record<string, number> = {};
  for (const { kind, type, count } of files) if (kind === 'output') types[type] = (types[type] ?? 0) + count;
  const count = Object.values(types).reduce((sum, each) => sum + each, 0);
  const event = eventOf(callerOf(request.requester, new Map()), { status: 200, reason: 'export done', count, job: { id: job.id, types } });
  return { status: 'done', result: JSON.stringify(manifest), events: [event] };
};

export const exportKind = (bucket: JobFiles | undefined): JobKind => ({
  run: (context) => {
    if (bucket === undefined) throw new Error('a job needs the place of exports: set EXPORT_BUCKET on every server of this database');
    return run(bucket, context);
  },
  discard: (id) => (bucket === undefined ? Promise.resolve() : bucket.remove(id)),
});
