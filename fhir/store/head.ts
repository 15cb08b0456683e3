import { type Db, numberArray, textArray } from './pool.ts';

/** The newest version of a resource. */
export interface Head {
  readonly rid: number;
  readonly typeId: number;
  readonly id: string;
  readonly version: number;
  readonly updatedMs: number;
  /** As it is served; null where this version deletes. */
  readonly body: string | null;
}

/** A row of {@link HEAD_COLUMNS} and a body. */
export interface HeadRow {
  readonly rid: number;
  readonly type: number;
  readonly id: string;
  readonly version: number;
  /** Milliseconds */
  readonly updated: number;
  readonly body: string | null;
}

/** Of `fhir.resource r`; whoever reads says how much of the bodies. */
export const HEAD_COLUMNS = 'r.rid, r.type, r.id, r.version, (extract(epoch from r.updated) * 1000)::bigint as updated';
export const headOf = ({ rid, type, id, version, updated, body }: HeadRow): Head => ({
  rid,
  typeId: type,
  id,
  version,
  updatedMs: updated,
  body,
});

const COLUMNS = `${HEAD_COLUMNS}, r.body`;
const ONE = `select ${COLUMNS} from fhir.resource r where r.type = $1 and r.id = $2`;

export const readHead = async (db: Db, typeId: number, id: string): Promise<Head | undefined> => {
  const [row] = await db.unsafe<HeadRow[]>(ONE, [typeId, id], { prepare: true });
  return row === undefined ? undefined : headOf(row);
};

/**
 * From clause of the resources `r` whose type ids are in the array $1 and whose ids are in $2. In a subquery, for the planner would look into
 * the arrays and make a plan for so many elements each time anew (0.25 ms).
 */
export const WANTED = 'unnest((select $1)::smallint[], (select $2)::text[]) as wanted(type, id) join fhir.resource r using (type, id)';
const MANY = `select ${COLUMNS} from ${WANTED}`;

/** The heads that are there, by `typeId/id`. */
export const readHeads = async (
  db: Db,
  wanted: readonly { readonly typeId: number; readonly id: string }[],
): Promise<Map<string, Head>> => {
  if (wanted.length === 0) return new Map();
  const parameters = [numberArray(wanted.map(({ typeId }) => typeId)), textArray(wanted.map(({ id }) => id))];
  const rows = await db.unsafe<HeadRow[]>(MANY, parameters, { prepare: true });
  return new Map(rows.map((row) => [`${row.type}/${row.id}`, headOf(row)]));
};

const RIDS = `select r.type, r.id, r.rid from ${WANTED}`;

/** The keys of those that are there or were, by `typeId/id`. */
export const readRids = async (
  db: Db,
  wanted: readonly { readonly typeId: number; readonly id: string }[],
): Promise<Map<string, number>> => {
  if (wanted.length === 0) return new Map();
  const parameters = [numberArray(wanted.map(({ typeId }) => typeId)), textArray(wanted.map(({ id }) => id))];
  const rows = await db.unsafe<{ type: number; id: string; rid: number }[]>(RIDS, parameters, { prepare: true });
  return new Map(rows.map(({ type, id, rid }) => [`${type}/${id}`, rid]));
};

const OLD = `select ${COLUMNS} from fhir.resource_history r where r.rid = $1 and r.version = $2`;

/** A version of the resource that `current` is the head of. */
export const readVersion = async (db: Db, current: Head, version: number): Promise<Head | undefined> => {
  if (version === current.version) return current;
  if (version > current.version || version < 1) return undefined;
  const [row] = await db.unsafe<HeadRow[]>(OLD, [current.rid, version], { prepare: true });
  return row === undefined ? undefined : headOf(row);
};
