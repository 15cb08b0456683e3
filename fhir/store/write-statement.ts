import { joinJson, jsonTexts, numberArray, textArray } from './pool.ts';
import type { ContainedRows, SearchBatch, SearchRow, SearchRows, SearchTable } from './search-table.ts';
import { SEARCH_TABLE_NAMES, batchParameters, deleteSql, emptyBatch, insertSql } from './search-table.ts';

/** One new version of one resource, with its audit event. */
export interface Write {
  readonly rid: number;
  readonly typeId: number;
  readonly id: string;
  /** The new version, from 1. The store must hold exactly version - 1 (nothing, for 1). */
  readonly version: number;
  /** ISO 8601 with milliseconds, equal to meta.lastUpdated. */
  readonly updated: string;
  /** The resource as it is served; null deletes. */
  readonly body: string | null;
  readonly added: SearchRows;
  readonly removed: SearchRows;
  /** Rows of what it contains. */
  readonly contained?: { readonly added: readonly ContainedRows[]; readonly removed: readonly ContainedRows[] } | undefined;
  /** The event's exact bytes (fhir/audit/event.ts). */
  readonly event: string;
  /** Of a Subscription: who is to be told. */
  readonly subscriber?: Subscriber | undefined;
  /** An active SearchParameter, to be looked at by who indexes. */
  readonly isParameter?: boolean | undefined;
  /** Of the search plan that the rows were made by; raises PC410 where that is too old. */
  readonly planVersion?: number | undefined;
}

export interface Subscriber {
  readonly client: string;
  readonly fingerprint: string | undefined;
  /** JSON */
  readonly scopes: string;
}

export interface Statement {
  readonly text: string;
  readonly parameters: (string | null)[];
}

const collect = (writes: readonly Write[], table: SearchTable, which: 'added' | 'removed'): SearchBatch => {
  const batch = emptyBatch(table);
  for (const write of writes) {
    for (const row of write[which][table]) add(batch, write.rid, row);
    if (write.contained !== undefined)
      for (const { rid, rows } of write.contained[which]) for (const row of rows[table]) add(batch, rid, row);
  }
  return batch;
};
const add = (batch: SearchBatch, rid: number, row: SearchRow): void => {
  batch.rid.push(rid);
  for (let i = 0; i < row.length; i++) batch.columns[i]!.push(row[i]!);
};

const texts = new Map<string, string>();

/**
 * Everything that some writes store, as one statement: heads, superseded versions, search rows, audit events. It has a part only
 * for what is there, so it comes in a few shapes, each prepared once per connection. Raises PC409 (errors.ts) if any resource
 * has moved on, PC410 if the search parameters have. Rows are in order of rid, so that two statements can't wait for each other in a ring.
 */
export const writeStatement = (unsorted: readonly Write[], extraEvents: readonly string[] = []): Statement => {
  const writes = unsorted.length > 1 ? unsorted.toSorted((a, b) => a.rid - b.rid) : unsorted;
  // New ones in order of their name: two statements that create the same ones would else wait for each other in the unique index.
  const created = writes.filter((write) => write.version === 1).sort((a, b) => a.typeId - b.typeId || (a.id < b.id ? -1 : 1));
  const updated = writes.filter((write) => write.version !== 1);
  const events = [...writes.map((write) => write.event), ...extraEvents];
  const parameters: (string | null)[] = [];
  const shape: Part[] = [];
  const part = (name: Part['name'], table: SearchTable | undefined, values: readonly string[]): void => {
    shape.push({ name, table, first: parameters.length + 1 });
    parameters.push(...values);
  };
  if (created.length) part('create', undefined, headParameters(created));
  if (updated.length) part('update', undefined, headParameters(updated));
  for (const table of SEARCH_TABLE_NAMES) {
    const removed = updated.length ? collect(updated, table, 'removed') : emptyBatch(table);
    if (removed.rid.length) part('delete', table, batchParameters(table, removed));
    const added = collect(writes, table, 'added');
    if (added.rid.length) part('insert', table, batchParameters(table, added));
  }
  const subscribed = writes.filter(({ subscriber }) => subscriber !== undefined);
  if (subscribed.length) part('subscribe', undefined, subscriberParameters(subscribed));
  const defining = writes.filter(({ isParameter }) => isParameter === true);
  if (defining.length) part('parameter', undefined, [numberArray(defining.map(({ rid }) => rid))]);
  const versions = writes.flatMap(({ planVersion }) => planVersion ?? []);
  if (versions.length) part('plan', undefined, [String(Math.min(...versions))]);
  if (events.length) part('event', undefined, [joinJson(events)]);
  const key = shape.map(({ name, table }) => `${name} ${table ?? ''}`).join();
  let text = texts.get(key);
  if (text === undefined) texts.set(key, (text = render(shape)));
  return { text, parameters };
};

interface Part {
  readonly name: 'create' | 'update' | 'delete' | 'insert' | 'subscribe' | 'parameter' | 'plan' | 'event';
  readonly table: SearchTable | undefined;
  readonly first: number;
}

const headParameters = (writes: readonly Write[]): string[] => [
  numberArray(writes.map((write) => write.rid)),
  numberArray(writes.map((write) => write.typeId)),
  textArray(writes.map((write) => write.id)),
  numberArray(writes.map((write) => write.version)),
  textArray(writes.map((write) => write.updated)),
  joinJson(writes.map((write) => write.body)),
];
const subscriberParameters = (writes: readonly Write[]): string[] => [
  numberArray(writes.map(({ rid }) => rid)),
  textArray(writes.map(({ subscriber }) => subscriber!.client)),
  textArray(writes.map(({ subscriber }) => subscriber!.fingerprint ?? null)),
  textArray(writes.map(({ subscriber }) => subscriber!.scopes)),
];
const heads = (first: number): string =>
  `unnest($${first}::bigint[], $${first + 1}::smallint[], $${first + 2}::text[], $${first + 3}::int[], $${first + 4}::timestamptz[], ${jsonTexts(first + 5)})
    as i(rid, type, id, version, updated, body)`;

const render = (shape: readonly Part[]): string => {
  const ctes: string[] = [];
  const checks: string[] = [];
  let isPlanCurrent: string | undefined;
  for (const { name, table, first } of shape) {
    switch (name) {
      case 'create':
        ctes.push(`created as (
  insert into fhir.resource (rid, type, id, version, updated, deleted, body)
  select rid, type, id, version, updated, body is null, body from ${heads(first)} on conflict (type, id) do nothing returning 1)`);
        checks.push(`(select count(*) from created) = cardinality($${first}::bigint[])`);
        break;
      case 'update':
        ctes.push(
          `input as (select * from ${heads(first)})`,
          `old as materialized (
  select r.* from fhir.resource r join input i on r.rid = i.rid where r.version = i.version - 1 order by r.rid for update of r)`,
          `kept as (
  insert into fhir.resource_history (rid, version, type, id, updated, deleted, xid, body)
  select rid, version, type, id, updated, deleted, xid, body from old)`,
          `updated as (
  update fhir.resource r set version = i.version, updated = i.updated, deleted = i.body is null, xid = pg_current_xact_id(), body = i.body
  from input i join old o on o.rid = i.rid where r.rid = i.rid returning 1)`,
        );
        checks.push(`(select count(*) from updated) = cardinality($${first}::bigint[])`);
        break;
      case 'delete':
        ctes.push(`d_${table} as (${deleteSql(table!, first)})`);
        break;
      case 'insert':
        ctes.push(`i_${table} as (${insertSql(table!, first)})`);
        break;
      case 'subscribe':
        ctes.push(`subscribed as (
  insert into fhir.subscription (rid, client, fingerprint, scopes)
  select * from unnest($${first}::bigint[], $${first + 1}::text[], $${first + 2}::text[], $${first + 3}::text[])
  on conflict (rid) do update set client = excluded.client, fingerprint = excluded.fingerprint, scopes = excluded.scopes,
    written = now(), attempts = 0, next_attempt = now())`);
        break;
      case 'parameter':
        ctes.push(`parameter as (insert into fhir.search_parameter (rid) select unnest($${first}::bigint[]) on conflict (rid) do nothing)`);
        break;
      case 'plan':
        isPlanCurrent = `(select fence from fhir.search_plan) <= $${first}::int`;
        break;
      case 'event':
        ctes.push(`e as (insert into audit.event (body) select unnest(${jsonTexts(first)}))`);
        break;
    }
  }
  const current = `fhir.require_current(${checks.join(' and ') || 'true'})`;
  const last = isPlanCurrent === undefined ? current : `case when ${isPlanCurrent} then ${current} else fhir.refuse_old_plan() end`;
  return `with ${ctes.join(',\n')}\nselect ${last}`;
};
