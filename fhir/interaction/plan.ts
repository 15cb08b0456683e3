import { eventOf } from '../audit/trail.ts';
import type { Call } from '../http/call.ts';
import { withIdAndMeta } from '../json/splice.ts';
import type { Server, WriteRule } from '../server.ts';
import type { Head } from '../store/head.ts';
import type { Integrity } from '../store/integrity.ts';
import { ridOf } from '../store/rid.ts';
import { NO_ROWS, rowDifference } from '../store/row-difference.ts';
import type { ContainedRows, SearchRows } from '../store/search-table.ts';
import type { Write } from '../store/write-statement.ts';
import { localReferences } from './local-references.ts';
import type { Prepared } from './prepare.ts';

type Caller = Pick<Call, 'identity' | 'requestId' | 'target'>;

/** What a write will store and answer, worked out before anything is locked. */
export interface Plan {
  readonly status: 200 | 201 | 204;
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly updatedMs: number;
  readonly body: string | null;
  /** Absent where nothing changes; the event then stands alone. */
  readonly write?: Write;
  readonly event: string;
  /** What has to hold when it is stored, where referential integrity is on. */
  readonly integrity?: Integrity | undefined;
}

/** What of a plan is needed once it is stored. */
export type Told = Omit<Plan, 'write' | 'event'>;

/** The patients that a resource is about, from its own type and its search rows. */
const patientsOf = (type: string, id: string, ...rows: readonly SearchRows[]): string[] => {
  const found = new Set<string>(type === 'Patient' ? [`Patient/${id}`] : []);
  for (const { ref } of rows) {
    for (const [, target] of ref) if (typeof target === 'string' && target.startsWith('Patient/')) found.add(target);
  }
  return [...found];
};

/** The search rows of a version, and those of what it contains. */
interface Indexed {
  readonly rows: SearchRows;
  readonly contained: readonly ContainedRows[];
}

const NOTHING: Indexed = { rows: NO_ROWS, contained: [] };

interface Versioned {
  readonly status: 200 | 201 | 204;
  readonly rid: number;
  readonly type: string;
  readonly id: string;
  readonly version: number;
  readonly updatedMs: number;
  readonly body: string | null;
  readonly before: Indexed;
  readonly after: Indexed;
  /** Absent on delete. */
  readonly resource?: Prepared['resource'];
  readonly extra?: ReturnType<WriteRule> | undefined;
}

const plan = (
  server: Server,
  caller: Caller,
  { status, rid, type, id, version, updatedMs, body, before, after, resource, extra }: Versioned,
): Plan => {
  const { added, removed } = rowDifference(before.rows, after.rows);
  // All of them anew: they say of which version they are.
  const contained =
    before.contained.length + after.contained.length === 0 ? undefined : { added: after.contained, removed: before.contained };
  const event = eventOf(caller, { status, resource: `${type}/${id}`, version, patients: patientsOf(type, id, before.rows, after.rows) });
  const updated = new Date(updatedMs).toISOString();
  const typeId = server.registry.typeId(type);
  // All rows were made without a pause, so that they are all of this version.
  const planVersion = server.extractor.version;
  const write = { rid, typeId, id, version, updated, body, added, removed, contained, event, planVersion, ...extra };
  const integrity = server.rules.referentialIntegrity
    ? {
        references: resource === undefined ? [] : localReferences(server, type, resource),
        deleted: body === null ? `${type}/${id}` : undefined,
        typeName: server.registry.typeName,
      }
    : undefined;
  return { status, type, id, version, updatedMs, body, write, event, integrity };
};

/** A first version; `n` comes from the allocator of resource keys. */
export const planCreate = (server: Server, caller: Caller, { type, text, resource }: Prepared, id: string, n: number): Plan => {
  const updatedMs = Date.now();
  const body = withIdAndMeta(text, { id, versionId: '1', lastUpdated: new Date(updatedMs).toISOString() });
  const rid = ridOf(server.registry.typeId(type), n);
  const after = indexedOf(server, type, { rid, id, version: 1 }, resource);
  const extra = server.writeRules.get(type)?.(resource, caller.identity);
  return plan(server, caller, { status: 201, rid, type, id, version: 1, updatedMs, body, before: NOTHING, after, resource, extra });
};

/** The next version, or no write where the resource is what it was, to the byte. */
export const planUpdate = (server: Server, caller: Caller, { type, text, resource }: Prepared, head: Head): Plan => {
  const { rid, id } = head;
  const as = (version: number, updatedMs: number): string =>
    withIdAndMeta(text, { id, versionId: String(version), lastUpdated: new Date(updatedMs).toISOString() });
  if (head.body !== null && as(head.version, head.updatedMs) === head.body) {
    const { version, updatedMs, body } = head;
    const event = eventOf(caller, { status: 200, resource: `${type}/${id}`, reason: 'nothing changed' });
    return { status: 200, type, id, version, updatedMs, body, event };
  }
  const version = head.version + 1;
  // Never before the version that it follows, whatever the clocks of several servers say.
  const updatedMs = Math.max(Date.now(), head.updatedMs + 1);
  const before = rowsOf(server, type, head);
  const after = indexedOf(server, type, { rid, id, version }, resource);
  const status = head.body === null ? 201 : 200;
  const extra = server.writeRules.get(type)?.(resource, caller.identity);
  const next = as(version, updatedMs);
  return plan(server, caller, { status, rid, type, id, version, updatedMs, body: next, before, after, resource, extra });
};

/** A version that says deleted, or no write where there is nothing to delete. */
export const planDelete = (server: Server, caller: Caller, type: string, id: string, head: Head | undefined): Plan => {
  if (head === undefined || head.body === null) {
    const event = eventOf(caller, { status: 204, resource: `${type}/${id}`, reason: 'nothing to delete' });
    return { status: 204, type, id, version: head?.version ?? 0, updatedMs: head?.updatedMs ?? 0, body: null, event };
  }
  const version = head.version + 1;
  const updatedMs = Math.max(Date.now(), head.updatedMs + 1);
  return plan(server, caller, {
    status: 204,
    rid: head.rid,
    type,
    id,
    version,
    updatedMs,
    body: null,
    before: rowsOf(server, type, head),
    after: NOTHING,
  });
};

// Extraction is deterministic, so the old body names exactly the rows that were stored for it.
const rowsOf = (server: Server, type: string, head: Head): Indexed =>
  head.body === null ? NOTHING : indexedOf(server, type, head, JSON.parse(head.body) as Record<string, unknown>);

const indexedOf = (
  { extractor }: Server,
  type: string,
  { rid, id, version }: Pick<Head, 'rid' | 'id' | 'version'>,
  resource: Readonly<Record<string, unknown>>,
): Indexed => ({ rows: extractor.extract(type, id, resource), contained: extractor.extractContained({ rid, version }, resource) });
