/** Patient/$everything without an id: one patient after the other, in the order of their resource keys, several to a page. */
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { bytesBefore, MAX_PAGE_BYTES } from '../store/page-bytes.ts';
import type { Db } from '../store/pool.ts';
import { RID_SPAN } from '../store/rid.ts';
import { membershipsOf, type PageRow, readCompartmentPage } from './compartment-page.ts';
import { showPage, typesFor } from './everything-page.ts';
import { type EverythingRequest, parseEverything } from './everything-request.ts';
import { operationParameters } from './parameters.ts';

/** Looked at for one page, however little there is of each. */
const MAX_PATIENTS = 50;
const PATH = 'Patient/$everything';

export const everyPatient = async (server: Server, call: Call): Promise<Reply> => {
  const asked = parseEverything(await operationParameters(call), server.registry, call.prefer.lenient);
  const types = typesFor(server, call, asked);
  const { matches, owners, cursor } = await readPatients(server, asked, types);
  const page = await showPage(server, { owner: 'Patient', path: PATH, asked, types, matches, cursor });
  const patients = [...new Set([...owners, ...page.patients])];
  const audited = await record(server.outbox, call, { status: 200, patients, count: page.count });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: page.body, audited };
};

interface Read {
  readonly matches: readonly PageRow[];
  /** `Patient/<id>` of those that were looked at. */
  readonly owners: readonly string[];
  readonly cursor: string | undefined;
}

const readPatients = async (server: Server, asked: EverythingRequest, types: readonly string[]): Promise<Read> => {
  const { db, registry } = server;
  const from = registry.typeId('Patient') * RID_SPAN;
  const [start, begun] = positionOf(asked, from);
  const memberships = membershipsOf(server, 'Patient', types);
  const heads = await readHeads(db, start, from + RID_SPAN);
  const matches = new Map<number, PageRow>();
  const owners: string[] = [];
  let bytes = 0;
  const add = (row: PageRow): void => {
    // Of two patients it is in the compartment of both.
    if (matches.has(row.rid)) return;
    matches.set(row.rid, row);
    bytes += row.body.length;
  };
  for (const head of heads) {
    const { rid, updated, body } = head;
    if (body === null || owners.length === MAX_PATIENTS || matches.size >= asked.count || bytes >= MAX_PAGE_BYTES)
      return { matches: [...matches.values()], owners, cursor: `${rid}-0` };
    const owner = `Patient/${head.id}`;
    owners.push(owner);
    const after = rid === start ? begun : 0;
    if (after === 0 && types.includes('Patient') && (asked.sinceMs === undefined || updated >= asked.sinceMs)) add({ ...head, body });
    const limit = Math.max(1, asked.count - matches.size);
    const maxBytes = Math.max(1, MAX_PAGE_BYTES - bytes);
    const { rows, hasMore } = await readCompartmentPage(db, { ...asked, owner, ownerRid: rid, memberships, after, limit, maxBytes });
    rows.forEach(add);
    if (hasMore) return { matches: [...matches.values()], owners, cursor: `${rid}-${rows.at(-1)!.rid}` };
  }
  return { matches: [...matches.values()], owners, cursor: undefined };
};

/** The patient that a page begins with, and the resource key in its compartment that the page before ended with. */
const positionOf = ({ cursor }: EverythingRequest, from: number): readonly [patient: number, after: number] => {
  if (cursor === undefined) return [from, 0];
  const [, patient, after] = /^(\d{1,16})-(\d{1,16})$/.exec(cursor) ?? [];
  const position = [Number(patient), Number(after)] as const;
  if (position.every(Number.isSafeInteger) && position[0] >= from && position[0] < from + RID_SPAN) return position;
  throw new FhirError('value', '_cursor is damaged: follow the next link as it was given', { expression: 'http._cursor' });
};

interface HeadRow {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  /** Milliseconds */
  readonly updated: number;
  /** Null where those before it are as much as a page may have. */
  readonly body: string | null;
}

const HEADS = `select rid, type, id, (extract(epoch from updated) * 1000)::bigint as updated,
  case when before < ${MAX_PAGE_BYTES} then body end as body
from (select r.*, ${bytesBefore('r.body', 'r.rid')} as before from (
  select * from fhir.resource r where r.rid >= $1::bigint and r.rid < $2::bigint and not r.deleted order by r.rid limit ${MAX_PATIENTS + 1}) r) h
order by rid`;

const readHeads = (db: Db, from: number, to: number): Promise<HeadRow[]> => db.unsafe<HeadRow[]>(HEADS, [from, to], { prepare: true });
