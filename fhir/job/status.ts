/** Looking after a job. Source: http://hl7.org/fhir/R4/async.html#3.1.6.4 */
import { missingScope, type ScopeSet } from '../../proto/access/scope.ts';
import { Audited } from '../audit/audited.ts';
import { eventOf, record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { type Identity, requireScope } from '../http/identity.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Requester } from './job.ts';
import { cancelJob, type JobRow, readJob } from './job-table.ts';
import { fileOf } from './manifest.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const gone = (): FhirError =>
  new FhirError('not-found', 'your client has no such job: it was never begun, was cancelled, or its time is over');

/** Throws 403 where the client may not call what began the job any more, 404 where the job is not its own. */
const requireJob = async (server: Server, { target, identity }: Call): Promise<JobRow> => {
  requirePermission(target.operation, identity.operations);
  const id = target.job!.id;
  const job = UUID.test(id) ? await readJob(server.db, id, identity.client) : undefined;
  if (job === undefined || !isOfKind(job, target.operation)) throw gone();
  return job;
};

const requirePermission = (operation: string | undefined, operations: readonly string[]): void => {
  if (operation === undefined || operations.includes('*') || operations.includes(operation)) return;
  throw new FhirError('forbidden', `your client may not call ${operation}: ask the operator to add it to its operations`);
};

/** Throws 403 where the client may no longer find and read what it could when it began: a result is of what it was allowed then. */
const requireStillAllowed = ({ request }: JobRow, { scopes }: Identity): void => {
  const { requester } = JSON.parse(request) as { readonly requester: Requester };
  const before: ScopeSet = new Map(requester.scopes);
  for (const type of before.keys())
    for (const letter of ['r', 's'] as const) {
      const missing = missingScope(scopes, type, letter);
      if (missing === undefined || missingScope(before, type, letter) !== undefined) continue;
      throw new FhirError('forbidden', `this was asked with the scope ${missing}, which your client doesn't have any more: ask again`);
    }
};

/** The type that a file of an export is of, by its name; undefined for the file of errors. */
const typeOfFile = (name: string): string | undefined => /^([A-Z][A-Za-z]+)-/.exec(name)?.[1];

const isOfKind = ({ kind }: JobRow, operation: string | undefined): boolean => `$${kind}` === (operation ?? '$async');

/** Seconds: soon in the beginning, more seldom for what takes long. */
const retryAfter = ({ ageMs }: JobRow): number => Math.min(30, Math.max(1, Math.round(ageMs / 10_000)));

/** 202 while it runs, 200 with its result, 500 with an OperationOutcome where it failed. */
export const jobStatus = async (server: Server, call: Call): Promise<Reply> => {
  const job = await requireJob(server, call);
  if (job.kind === 'async' && job.status === 'done') requireStillAllowed(job, call.identity);
  const status = job.status === 'pending' ? 202 : job.status === 'done' ? 200 : 500;
  const audited = await record(server.outbox, call, { status, job: { id: job.id } });
  if (status === 202) {
    return { status, headers: { 'x-progress': job.progress, 'retry-after': String(retryAfter(job)) }, body: null, audited };
  }
  const isManifest = job.kind !== 'async' && status === 200;
  const headers = {
    'content-type': isManifest ? 'application/json' : FHIR_JSON,
    'cache-control': 'no-store',
    ...(job.expiresMs !== null && { expires: new Date(job.expiresMs).toUTCString() }),
  };
  return { status, headers, body: job.result, audited };
};

/** 202: what was made goes away. */
export const jobCancel = async (server: Server, call: Call): Promise<Reply> => {
  const { id } = await requireJob(server, call);
  const event = eventOf(call, { status: 202, job: { id } });
  let cancelled = false;
  const audited = await Audited.after(cancelJob(server.sql, id, call.identity.client, event).then((done) => (cancelled = done)));
  if (!cancelled) throw gone();
  return { status: 202, headers: {}, body: null, audited };
};

/** One file of a job that is done, gzipped where the client takes that. The event names the file, and how many of what it holds. */
export const jobFile = async (server: Server, call: Call): Promise<Reply> => {
  const job = await requireJob(server, call);
  const name = call.target.job!.file!;
  const file = job.status === 'done' && job.result !== null ? fileOf(job.result, name) : undefined;
  const type = typeOfFile(name);
  if (type !== undefined) {
    requireScope(call.identity, type, 'r');
    requireScope(call.identity, type, 's');
  }
  const bucket = server.jobs.exportBucket;
  if (file === undefined || bucket === undefined) throw new FhirError('not-found', `the job has no file ${name}: its manifest lists them`);
  const gzip = /(?:^|[,\s])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?(?:\s|,|$))/.test(call.header('accept-encoding') ?? '');
  const where = { job: job.id, name, gzip };
  await bucket.require(where);
  const audited = await record(server.outbox, call, {
    status: 200,
    count: file.count,
    reason: `of ${file.extension?.patients ?? 0} patients`,
    job: { id: job.id, file: name, types: { [file.type]: file.count } },
  });
  const headers = { 'content-type': 'application/fhir+ndjson', 'cache-control': 'no-store', ...(gzip && { 'content-encoding': 'gzip' }) };
  return { status: 200, headers, body: null, audited, openFile: () => bucket.open(where) };
};
