/**
 * The audit event: its text is made once, here, and is stored, hashed and sealed byte for byte.
 * It names people by id only; values that a client searched for are masked before they get here.
 * Fields after FHIR AuditEvent, http://hl7.org/fhir/R4/auditevent.html.
 */
export interface AuditFields {
  /** UUID of the event. */
  readonly id: string;
  /** ISO 8601 with milliseconds. */
  readonly at: string;
  readonly kind: 'write' | 'read' | 'search' | 'deny' | 'throttle' | 'auth' | 'operation' | 'admin';
  /** AuditEvent.action: create, read, update, delete, execute. */
  readonly action: 'C' | 'R' | 'U' | 'D' | 'E';
  /** AuditEvent.outcome: success, minor failure (the client's), serious failure (ours), major failure. */
  readonly outcome: 0 | 4 | 8 | 12;
  /** HTTP status. */
  readonly status: number;
  /** Request id; the entries of one Bundle share it. */
  readonly request: string;
  readonly client: string;
  /** SHA-256 of the client's certificate, hex. */
  readonly fingerprint?: string;
  readonly interaction: string;
  /** `Patient/1` */
  readonly resource?: string;
  readonly version?: number;
  /** What was asked for where `resource` doesn't say it: a type that was searched, an operation, a compartment. */
  readonly address?: string;
  /** `Patient/<id>` of each patient concerned, of {@link MAX_PATIENTS} at most. */
  readonly patients?: readonly string[];
  /** How many are concerned, where those are more than are named. */
  readonly patientCount?: number;
  readonly query?: string;
  readonly reason?: string;
  /** Matches of a search, entries of a Bundle, refusals that one event stands for. */
  readonly count?: number;
  /** Work in the background that this is part of, with the file and the number of resources of each type that it is about. */
  readonly job?: { readonly id: string; readonly file?: string; readonly types?: Readonly<Record<string, number>> };
}

/** As many as a page can be about, its matches and what came along; some 300 kB. A Group may have more members. */
export const MAX_PATIENTS = 6000;

/** One line of JSON, members always in this order. */
export const auditEvent = (fields: AuditFields): string => {
  const {
    id,
    at,
    kind,
    action,
    outcome,
    status,
    request,
    client,
    fingerprint,
    interaction,
    resource,
    version,
    address,
    patients,
    patientCount,
    query,
    reason,
    count,
    job,
  } = fields;
  return JSON.stringify({
    id,
    at,
    kind,
    action,
    outcome,
    status,
    request,
    client,
    fingerprint,
    interaction,
    resource,
    version,
    address,
    patients,
    patientCount,
    query,
    reason,
    count,
    job,
  });
};
