/** The search parameters of packages in the table of the others (migration 0012). */
import type { Db } from '../store/pool.ts';
import type { ParameterState } from './parameter-table.ts';

export interface PackagedRow {
  readonly rid: number;
  readonly url: string;
  /** Name and version. */
  readonly package: string;
  readonly generation: number;
  /** JSON of a Definition. */
  readonly definition: string;
  readonly state: ParameterState;
  readonly done: number;
  readonly total: number | null;
}

const COLUMNS = 'rid, url, package, generation, definition, state, done, total';

export const readPackaged = (db: Db): Promise<PackagedRow[]> =>
  db.unsafe<PackagedRow[]>(`select ${COLUMNS} from fhir.search_parameter where package is not null order by rid desc`);

export const findPackaged = async (db: Db, url: string): Promise<PackagedRow | undefined> => {
  const [row] = await db.unsafe<PackagedRow[]>(
    `select ${COLUMNS} from fhir.search_parameter where package is not null and url = $1`,
    [url],
    { prepare: true },
  );
  return row;
};

type Wanted = Pick<PackagedRow, 'url' | 'package' | 'generation' | 'definition'>;

/** To be called under the plan's lock: a number is given once. */
export const insertPackaged = async (db: Db, wanted: Wanted): Promise<void> => {
  await db.unsafe(
    `insert into fhir.search_parameter (rid, url, package, generation, definition, state)
select least(min(rid), 0) - 1, $1, $2, $3::int, $4, 'indexing' from fhir.search_parameter`,
    [wanted.url, wanted.package, wanted.generation, wanted.definition],
  );
};

/** Another definition under the same url: it is indexed anew. */
export const changePackaged = async (db: Db, wanted: Wanted): Promise<void> => {
  await db.unsafe(
    `update fhir.search_parameter set package = $2, generation = $3::int, definition = $4, state = 'indexing', done = 0, total = null, job = null
where package is not null and url = $1`,
    [wanted.url, wanted.package, wanted.generation, wanted.definition],
  );
};

/** The same definition by another package, or another version of it. */
export const renamePackaged = async (db: Db, { url, package: name }: Pick<PackagedRow, 'url' | 'package'>): Promise<void> => {
  await db.unsafe('update fhir.search_parameter set package = $2 where package is not null and url = $1', [url, name]);
};

export const deletePackaged = async (db: Db, rid: number): Promise<void> => {
  await db.unsafe('delete from fhir.search_parameter where rid = $1::bigint and package is not null', [rid]);
};
