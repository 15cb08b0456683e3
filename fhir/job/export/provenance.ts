/** What Provenances tell of, as it was at a moment. Source: http://hl7.org/fhir/R4/provenance.html */
import type { Registry } from '../../definitions/registry.ts';
import { dateInterval } from '../../search/parameter/date.ts';
import { canonicalReference, isLocalReference } from '../../search/parameter/reference.ts';
import type { Server } from '../../server.ts';
import { type Db, numberArray, textArray } from '../../store/pool.ts';
import { CONTAINED_FROM, RID_SPAN } from '../../store/rid.ts';
import type { Rest } from '../rest.ts';
import { MAX_ROWS, type Moment, type PastRow, readBatch, type Row, WHENEVER, type Written } from './export-batch.ts';

export const PROVENANCE = 'Provenance';

/** When it was recorded; one that doesn't say was before all others. */
export const recordedMs = (body: string): number => {
  const { recorded } = JSON.parse(body) as { recorded?: unknown };
  return (typeof recorded === 'string' ? dateInterval(recorded)?.lo : undefined) ?? -Infinity;
};

/** Reads resources by their keys as they were at a moment, a batch at a time; none that was deleted then. */
const readKeys = async function* (
  db: Db,
  keys: readonly number[],
  { moment: { snapshot }, written }: { readonly moment: Moment; readonly written: Written },
): AsyncGenerator<readonly PastRow[]> {
  for (let i = 0; i < keys.length; i += MAX_ROWS) {
    const among = keys.slice(i, i + MAX_ROWS);
    for (let after: number | undefined = 0; after !== undefined;) {
      const batch = await readBatch(db, { snapshot, written, deleted: WHENEVER, after, end: CONTAINED_FROM, among });
      yield batch.rows;
      after = batch.after;
    }
  }
};

/** The targets of a Provenance that lie on this server, as `Type/id`. */
const targetsOf = ({ planOf, baseUrl }: Pick<Server, 'planOf' | 'baseUrl'>): ((body: string) => readonly string[]) => {
  const paths = planOf(PROVENANCE).parameters.get('target')?.paths ?? [];
  return (body) => {
    const resource: unknown = JSON.parse(body);
    const found = new Set<string>();
    for (const { select } of paths)
      select(resource, (value) => {
        const { reference } = value as { reference?: unknown };
        const local = typeof reference === 'string' ? canonicalReference(reference, baseUrl) : '';
        if (isLocalReference(local)) found.add(local);
      });
    return [...found];
  };
};

const NAMED = `select r.rid from unnest((select $1)::smallint[], (select $2)::text[]) as wanted(type, id) join fhir.resource r using (type, id)
order by r.rid`;

const byType = (names: readonly string[], registry: Registry): { readonly types: string; readonly ids: string } => {
  const pairs = names.map((name) => name.split('/') as [string, string]);
  return { types: numberArray(pairs.map(([type]) => registry.typeId(type))), ids: textArray(pairs.map(([, id]) => id)) };
};

/**
 * Of some Provenances, by their keys, the targets that are kept, of the types that `keep` knows; those without one are left out. `written`
 * says when a target was written.
 */
export const createTargets = (
  server: Pick<Server, 'db' | 'registry' | 'planOf' | 'baseUrl'>,
  {
    moment,
    written,
    keep,
    rest,
  }: {
    readonly moment: Moment;
    readonly written: Written;
    readonly keep: ReadonlyMap<string, (rows: readonly PastRow[]) => Promise<readonly Row[]>>;
    readonly rest: Rest;
  },
): ((rows: readonly Row[]) => Promise<ReadonlyMap<number, readonly string[]>>) => {
  const { db, registry } = server;
  const targets = targetsOf(server);
  const keptOf = async (names: readonly string[]): Promise<ReadonlySet<string>> => {
    const kept = new Set<string>();
    for (let i = 0; i < names.length; i += MAX_ROWS) {
      const { types, ids } = byType(names.slice(i, i + MAX_ROWS), registry);
      const keys = await db.unsafe<{ rid: number }[]>(NAMED, [types, ids], { prepare: true });
      for await (const rows of readKeys(
        db,
        keys.map(({ rid }) => rid),
        { moment, written },
      )) {
        const ofType = Map.groupBy(rows, ({ rid }) => registry.typeName(Math.floor(rid / RID_SPAN)));
        for (const [type, some] of ofType) for (const { id } of await keep.get(type)!(some)) kept.add(`${type}/${id}`);
        await rest();
      }
    }
    return kept;
  };
  return async (rows) => {
    const named = rows.map(({ rid, body }) => {
      const own = targets(body).filter((name) => keep.has(name.slice(0, name.indexOf('/'))));
      return [rid, own] as const;
    });
    const kept = await keptOf([...new Set(named.flatMap(([, names]) => names))]);
    const found = named.map(([rid, names]) => [rid, names.filter((name) => kept.has(name))] as const);
    return new Map(found.filter(([, names]) => names.length > 0));
  };
};

// The index has those that name a target now; one that did when the snapshot was taken, and was written since, is looked at by its text.
const ABOUT = `select distinct c.rid from (
  select a.rid from unnest($1::text[]) as n(name)
  join fhir.sp_ref a on a.key = any($2::smallint[]) and a.target = hashtextextended(n.name, 0) and a.rid > $3::bigint and a.rid < $4::bigint
  union all
  select r.rid from fhir.resource r where r.updated >= to_timestamp($5::double precision / 1000) and r.rid > $3::bigint and r.rid < $4::bigint
    and not pg_visible_in_snapshot(r.xid, $6::text::pg_snapshot)) c order by c.rid`;
/** A version gets its time before it is committed, and by the clock of another machine. */
const MARGIN_MS = 900_000;
const MAX_KNOWN = 50_000;

/** When the last Provenance of each of some targets was recorded, in milliseconds. */
export const createLatest = (
  server: Pick<Server, 'db' | 'registry' | 'planOf' | 'baseUrl' | 'keyId'>,
  { moment, rest }: { readonly moment: Moment; readonly rest: Rest },
): ((names: readonly string[]) => Promise<ReadonlyMap<string, number>>) => {
  const { db, registry, planOf, keyId } = server;
  const targets = targetsOf(server);
  const keys = numberArray((planOf(PROVENANCE).parameters.get('target')?.keys ?? []).map(keyId));
  const from = registry.typeId(PROVENANCE) * RID_SPAN;
  const bounds = [keys, from - 1, from + RID_SPAN, moment.atMs - MARGIN_MS, moment.snapshot];
  /** Provenances of one patient lie near to each other. */
  let known = new Map<string, number>();
  return async (names) => {
    if (known.size > MAX_KNOWN) known = new Map();
    const fresh = new Set(names.filter((name) => !known.has(name)));
    if (fresh.size === 0) return known;
    const found = await db.unsafe<{ rid: number }[]>(ABOUT, [textArray([...fresh]), ...bounds], { prepare: true });
    for (const name of fresh) known.set(name, -Infinity);
    for await (const rows of readKeys(
      db,
      found.map(({ rid }) => rid),
      { moment, written: WHENEVER },
    )) {
      for (const { body } of rows) {
        if (body === null) continue;
        const recorded = recordedMs(body);
        for (const name of targets(body)) if (fresh.has(name)) known.set(name, Math.max(known.get(name)!, recorded));
      }
      await rest();
    }
    return known;
  };
};
