import { type Db, textArray } from './pool.ts';

// The lock makes replicas that start at once give a new key one number. Numbers are given in the order of the keys.
const STORE = `with held as materialized (select pg_advisory_xact_lock(7265170432)),
known as (select key from fhir.index_key)
insert into fhir.index_key (key)
select wanted.key from held, unnest($1::text[]) with ordinality as wanted(key, place)
where not exists (select from known where known.key = wanted.key) order by place
on conflict (key) do nothing`;

/** Gives every index key a number that stays; returns all of them. */
export const storeIndexKeys = async (db: Db, keys: readonly string[]): Promise<ReadonlyMap<string, number>> => {
  const parameters = [textArray(keys)];
  let rows = await read(db);
  if (keys.some((key) => !rows.has(key))) {
    await db.unsafe(STORE, parameters);
    rows = await read(db);
  }
  return rows;
};

const read = async (db: Db): Promise<Map<string, number>> =>
  new Map((await db.unsafe<{ id: number; key: string }[]>('select id, key from fhir.index_key')).map(({ id, key }) => [key, id]));
