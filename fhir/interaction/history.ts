/** Source: http://hl7.org/fhir/R4/http.html#history */
import { patientsOf } from '../audit/patients.ts';
import { record } from '../audit/trail.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import { etagOf } from '../http/preconditions.ts';
import { dateInterval } from '../search/parameter/date.ts';
import { readListed } from './history-list.ts';
import type { Server } from '../server.ts';
import { readHead } from '../store/head.ts';
import {
  countHistory,
  type HistoryCursor,
  type HistoryRange,
  type HistoryRow,
  oldestWriteMs,
  readFeed,
  readHistory,
} from '../store/history.ts';
import { newLogicalId } from '../store/logical-id.ts';
import { fitting } from '../store/page-bytes.ts';
import { RID_SPAN } from '../store/rid.ts';

const DEFAULT_COUNT = 50;
const MAX_COUNT = 1000;
/** Parameters of how versions are shown, which fhir/presentation/ takes care of. */
const SHAPE = new Set(['_format', '_pretty', '_summary', '_elements']);
/** Those that an empty value leaves as they are. Source: http://hl7.org/fhir/R4/search.html#errors */
const IGNORED_EMPTY = new Set(['_count', '_since', '_at', '_list', '_summary']);
/** Longer than a write waits between getting its time and reaching the database. */
const QUEUED_MS = 10_000;

/** History of a resource, of a type, or of everything. */
export const history = async (server: Server, call: Call): Promise<Reply> => {
  const { resourceType: type, id } = call.target;
  const asked = parse(call.query, call.prefer.lenient);
  const rids = await ridsOf(server, type, id);
  const listed = asked.list === undefined ? undefined : await readListed(server, call, asked.list);
  const range = { ...asked, rids, listed, limit: asked.limit + 1 };
  const askedMs = Date.now();
  // The versions of one resource come one after the other; those of several may be stored in another order than their times say.
  const completeMs = id === undefined ? askedMs - (await oldestWriteMs(server.db)) - QUEUED_MS : askedMs;
  const rows = asked.onlyCount ? [] : await (id === undefined ? readFeed : readHistory)(server.db, range);
  const page = fitting(rows, asked.limit);
  // Of one resource they are few; others are counted for who asks for the number alone.
  const isCounted = asked.onlyCount || (id !== undefined && asked.sinceMs === undefined && asked.at === undefined && listed === undefined);
  const total = isCounted ? await countHistory(server.db, range) : undefined;
  const path = [type, id, '_history'].filter(Boolean).join('/');
  const self = `${server.baseUrl}/${path}`;
  const last = page.at(-1);
  const next = rows.length > page.length && last !== undefined ? pageUrl(self, call.query, last) : undefined;
  const shown = page.flatMap(({ type: typeId, id: each, body }) =>
    body === null ? [] : [{ type: server.registry.typeName(typeId), id: each, body }],
  );
  const patients = [
    ...new Set([...(type === 'Patient' && id !== undefined ? [`Patient/${id}`] : []), ...patientsOf(shown, server.baseUrl)]),
  ];
  const resource = type !== undefined && id !== undefined ? `${type}/${id}` : undefined;
  const audited = await record(server.outbox, call, { status: 200, resource, patients, count: page.length });
  const body = bundle(server, { page, self: call.query === '' ? self : `${self}?${call.query}`, next, total, completeMs });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body, audited };
};

const ridsOf = async (server: Server, type: string | undefined, id: string | undefined): Promise<readonly [number, number] | undefined> => {
  if (type === undefined) return undefined;
  const typeId = server.registry.typeId(type);
  if (id === undefined) return [typeId * RID_SPAN, (typeId + 1) * RID_SPAN - 1];
  const head = await readHead(server.db, typeId, id);
  if (head === undefined) throw new FhirError('not-found', `there is no ${type}/${id}`);
  return [head.rid, head.rid];
};

interface Asked extends HistoryRange {
  /** Answer how many there are, and no entry. */
  readonly onlyCount: boolean;
  /** As it is written. */
  readonly list: string | undefined;
}

const parse = (query: string, lenient: boolean): Asked => {
  let limit = DEFAULT_COUNT;
  let summary: string | undefined;
  let sinceMs: number | undefined;
  let at: HistoryRange['at'];
  let after: HistoryCursor | undefined;
  let list: string | undefined;
  for (const [name, value] of new URLSearchParams(query)) {
    if (value === '' && IGNORED_EMPTY.has(name)) continue;
    if (name === '_count') limit = countOf(value);
    else if (name === '_summary') summary = value;
    else if (name === '_since') sinceMs = timeOf(name, value).lo;
    else if (name === '_at') at = timeOf(name, value);
    else if (name === '_list') list = value;
    else if (name === '_cursor') after = cursorOf(value);
    else if (name === '_sort' && value === '-_lastUpdated') continue;
    else if (!SHAPE.has(name.split(':', 1)[0]!)) {
      if (lenient) continue;
      const says =
        name === '_sort'
          ? 'a history is always newest first: leave _sort out, or say -_lastUpdated'
          : `${name.slice(0, 60)} is no parameter of a history: use _count, _since, _at or _list`;
      throw new FhirError('not-supported', says, { expression: `http.${name.slice(0, 60)}` });
    }
  }
  return { limit, sinceMs, at, list, after, onlyCount: summary === 'count' || limit === 0 };
};

const countOf = (value: string): number => {
  if (!/^\d+$/.test(value)) throw new FhirError('value', `_count=${value.slice(0, 40)} is no whole number`, { expression: 'http._count' });
  return Math.min(Number(value), MAX_COUNT);
};

const timeOf = (name: string, value: string): { readonly lo: number; readonly hi: number } => {
  // A plus sign of a time zone arrives as a space where the client didn't encode it.
  const interval = dateInterval(value.replace(' ', '+'));
  if (interval !== undefined) return interval;
  throw new FhirError('value', `${name}=${value.slice(0, 40)} is no date or instant, such as 2024-01-31T10:00:00Z`, {
    expression: `http.${name}`,
  });
};

const cursorOf = (value: string): HistoryCursor => {
  const [updated, rid, version] = Buffer.from(value, 'base64url').toString().split('.').map(Number);
  if (![updated, rid, version].every(Number.isSafeInteger)) {
    throw new FhirError('value', '_cursor is damaged: follow the next link as it was given', { expression: 'http._cursor' });
  }
  return { updated: updated!, rid: rid!, version: version! };
};

const pageUrl = (self: string, query: string, { updated, rid, version }: HistoryRow): string => {
  const parameters = new URLSearchParams(query);
  parameters.set('_cursor', Buffer.from(`${updated}.${rid}.${version}`).toString('base64url'));
  return `${self}?${parameters.toString()}`;
};

interface Page {
  readonly page: readonly HistoryRow[];
  readonly self: string;
  readonly next: string | undefined;
  readonly total: number | undefined;
  /** Nothing older than this can be added to the history any more: the _since to ask with the next time. */
  readonly completeMs: number;
}

const bundle = ({ baseUrl, registry }: Server, { page, self, next, total, completeMs }: Page): string => {
  const links = [{ relation: 'self', url: self }, ...(next === undefined ? [] : [{ relation: 'next', url: next }])];
  const head = {
    resourceType: 'Bundle',
    id: newLogicalId(),
    meta: { lastUpdated: new Date(completeMs).toISOString() },
    type: 'history',
    total,
    link: links,
  };
  const entries = page.map((row) => entry(baseUrl, registry.typeName(row.type), row));
  return entries.length === 0 ? JSON.stringify(head) : `${JSON.stringify(head).slice(0, -1)},"entry":[${entries.join(',')}]}`;
};

const entry = (baseUrl: string, type: string, { id, version, updated, body, isRevival }: HistoryRow): string => {
  const method = body === null ? 'DELETE' : version === 1 ? 'POST' : 'PUT';
  const status = body === null ? '204' : version === 1 || isRevival ? '201' : '200';
  const rest = JSON.stringify({
    request: { method, url: method === 'POST' ? type : `${type}/${id}` },
    response: { status, etag: etagOf(version), lastModified: new Date(updated).toISOString() },
  }).slice(1);
  return `{"fullUrl":${JSON.stringify(`${baseUrl}/${type}/${id}`)},${body === null ? '' : `"resource":${body},`}${rest}`;
};
