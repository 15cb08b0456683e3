/** Work in the background. Source: http://hl7.org/fhir/R4/async.html */
import type { Classified } from '../../proto/access/interaction.ts';
import type { ScopeSet } from '../../proto/access/scope.ts';
import type { Call } from '../http/call.ts';
import type { Identity } from '../http/identity.ts';
import type { Server } from '../server.ts';
import type { Rest } from './rest.ts';

export type JobKindName = 'export' | 'import' | 'async' | 'reindex' | 'contained';

/** Who began a job, as it is kept: scopes as they were then. */
export interface Requester {
  readonly client: string;
  readonly fingerprint?: string | undefined;
  readonly scopes: readonly (readonly [type: string, bits: number])[];
  readonly operations: readonly string[];
  readonly requestId: string;
  readonly target: Classified;
}

export const requesterOf = ({ identity, requestId, target }: Pick<Call, 'identity' | 'requestId' | 'target'>): Requester => ({
  client: identity.client,
  fingerprint: identity.fingerprint,
  scopes: [...identity.scopes],
  operations: identity.operations,
  requestId,
  target,
});

/** The caller again, with what it may do now, for what the job does in its name and for the events of that. */
export const callerOf = (
  { client, fingerprint, operations, requestId, target }: Requester,
  scopes: ScopeSet,
): Pick<Call, 'requestId' | 'target'> & { readonly identity: Identity } => ({
  identity: { client, fingerprint, requestId, scopes, operations },
  requestId,
  target,
});

export interface Job {
  readonly id: string;
  readonly kind: JobKindName;
  readonly client: string;
  /** JSON */
  readonly request: string;
  /** JSON; null before the first checkpoint. */
  readonly state: string | null;
  readonly attempts: number;
}

/** How a job ended: what its client is told, and events that become durable with that. */
export interface JobResult {
  readonly status: 'done' | 'failed';
  /** JSON */
  readonly result: string;
  readonly events: readonly string[];
}

export interface JobContext {
  /** Reads and writes over the few connections of the background. */
  readonly server: Server;
  readonly job: Job;
  /** Aborts when the job is cancelled or the process ends. */
  readonly signal: AbortSignal;
  /** What the client may do now: the operator may have taken something away since the job began. */
  readonly scopes: () => Promise<ScopeSet>;
  /** To be called after each batch: requests come first. */
  readonly rest: Rest;
  /** Makes what was done so far count, with its events; throws {@link JobLost} where the job is another's by now, or cancelled. */
  readonly checkpoint: (state: object, progress: string, events?: readonly string[]) => Promise<void>;
}

export interface JobKind {
  readonly run: (context: JobContext) => Promise<JobResult>;
  /** Removes what the job has made outside of the database. */
  readonly discard: (id: string) => Promise<void>;
}

/** Another replica has the job, or nobody wants it any more. */
export class JobLost extends Error {
  constructor(id: string) {
    super(`the job ${id} is not this process's any more`);
    this.name = 'JobLost';
  }
}
