import { randomUUID } from 'node:crypto';
import { addressOf, type Interaction } from '../../proto/access/interaction.ts';
import type { Call } from '../http/call.ts';
import { Audited } from './audited.ts';
import { type AuditFields, auditEvent, MAX_PATIENTS } from './event.ts';
import type { Outbox } from './outbox.ts';

const KIND: Record<Interaction, readonly [AuditFields['kind'], AuditFields['action']]> = {
  capabilities: ['read', 'R'],
  read: ['read', 'R'],
  vread: ['read', 'R'],
  'search-type': ['search', 'E'],
  'search-system': ['search', 'E'],
  'search-compartment': ['search', 'E'],
  create: ['write', 'C'],
  update: ['write', 'U'],
  patch: ['write', 'U'],
  delete: ['write', 'D'],
  'conditional-update': ['write', 'U'],
  'conditional-patch': ['write', 'U'],
  'conditional-delete': ['write', 'D'],
  'history-instance': ['read', 'R'],
  'history-type': ['search', 'E'],
  'history-system': ['search', 'E'],
  batch: ['write', 'E'],
  operation: ['operation', 'E'],
  'job-status': ['operation', 'R'],
  'job-cancel': ['operation', 'D'],
  'job-file': ['operation', 'R'],
};

/** What came of a call. */
export interface Outcome {
  readonly status: number;
  /** `Patient/1`, if one resource was concerned. */
  readonly resource?: string | undefined;
  readonly version?: number | undefined;
  /** Of a part that was asked for; else that of the whole call. */
  readonly address?: string | undefined;
  /** `Patient/<id>` of each patient concerned. */
  readonly patients?: readonly string[] | undefined;
  /** The search with its values masked. */
  readonly query?: string | undefined;
  readonly reason?: string | undefined;
  readonly count?: number | undefined;
  readonly job?: AuditFields['job'] | undefined;
}

/** A resource that is named says what was asked for, unless an operation was called on it: reads and writes carry no second name. */
export const unnamed = (target: Call['target'], resource: string | undefined): string | undefined =>
  resource !== undefined && target.operation === undefined ? undefined : addressOf(target);

const severity = (status: number): AuditFields['outcome'] => (status < 400 ? 0 : status < 500 ? 4 : 8);

/** The event of a call, for a write's own transaction. */
export const eventOf = ({ identity, requestId, target }: Pick<Call, 'identity' | 'requestId' | 'target'>, outcome: Outcome): string => {
  const [kind, action] = KIND[target.interaction];
  const { status, resource, version, patients, query, reason, count, job } = outcome;
  const address = outcome.address ?? unnamed(target, resource);
  return auditEvent({
    id: randomUUID(),
    at: new Date().toISOString(),
    kind,
    action,
    outcome: severity(status),
    status,
    request: requestId,
    client: identity.client,
    interaction: target.interaction,
    ...(identity.fingerprint !== undefined && { fingerprint: identity.fingerprint }),
    ...(resource !== undefined && { resource }),
    ...(version !== undefined && { version }),
    ...(address !== undefined && { address }),
    ...(patients !== undefined && patients.length > 0 && { patients: patients.slice(0, MAX_PATIENTS) }),
    ...(patients !== undefined && patients.length > MAX_PATIENTS && { patientCount: patients.length }),
    ...(query !== undefined && { query }),
    ...(reason !== undefined && { reason }),
    ...(count !== undefined && { count }),
    ...(job !== undefined && { job }),
  });
};

/** A request that was refused before it was known what it asks for, or in which form; `target` as far as it is known. */
export interface Unmade {
  readonly identity: Call['identity'];
  readonly requestId: string;
  readonly target: Call['target'] | undefined;
}

/** Resolves when its event is durable. */
export const recordUnmade = async (outbox: Outbox, { identity, requestId, target }: Unmade, outcome: Outcome): Promise<void> => {
  if (target !== undefined) return outbox.append(eventOf({ identity, requestId, target }, outcome));
  return outbox.append(
    auditEvent({
      id: randomUUID(),
      at: new Date().toISOString(),
      kind: 'deny',
      action: 'E',
      outcome: severity(outcome.status),
      status: outcome.status,
      request: requestId,
      client: identity.client,
      ...(identity.fingerprint !== undefined && { fingerprint: identity.fingerprint }),
      interaction: 'unknown',
      ...(outcome.reason !== undefined && { reason: outcome.reason }),
    }),
  );
};

/** Makes the event of a call that writes nothing, and waits until it is durable. */
export const record = (outbox: Outbox, call: Pick<Call, 'identity' | 'requestId' | 'target'>, outcome: Outcome): Promise<Audited> =>
  Audited.after(outbox.append(eventOf(call, outcome)));
