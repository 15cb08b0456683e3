/** Which written versions a Subscription is to be told of. */
import { missingScope, type ScopeSet } from '../../proto/access/scope.ts';
import { decodeQuery } from '../search/parse.ts';
import type { Server } from '../server.ts';
import { readHead, readVersion } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Db } from '../store/pool.ts';
import { ridOf } from '../store/rid.ts';
import { NO_ROWS } from '../store/row-difference.ts';
import { writeStatement } from '../store/write-statement.ts';
import { type HeadVersion, headVersions } from './subscription-table.ts';

export interface WrittenVersion {
  readonly type: string;
  readonly id: string;
  readonly version: number;
}

export interface Wanted {
  readonly type: string;
  readonly criteria: string;
  readonly scopes: ScopeSet;
  readonly tellsDeletes: boolean;
}

const MAX_IDS = 200;
const NOT_OF_CONTENT = /^(?:_list|_has:.*|_id:.*)$/s;

const queryOf = (parameters: readonly (readonly [name: string, value: string])[]): string =>
  parameters.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&');

export const nameOf = ({ type, id }: Pick<WrittenVersion, 'type' | 'id'>): string => `${type}/${id}`;

/** By `Type/id`; of a transaction that sees one state throughout. */
export const readHeadVersions = async (
  { registry }: Server,
  db: Db,
  versions: readonly WrittenVersion[],
): Promise<ReadonlyMap<string, HeadVersion>> => {
  const names = new Map(
    versions.map(({ type, id }) => [nameOf({ type, id }), { name: nameOf({ type, id }), typeId: registry.typeId(type), id }]),
  );
  return new Map((await headVersions(db, [...names.values()])).map((head) => [head.name, head]));
};

/**
 * Those of some versions that meet the criteria: newest ones by the index, superseded ones as they were when they were written; one that
 * deletes, where it is told, by the version before it.
 */
export const matching = async <T extends WrittenVersion>(
  server: Server,
  db: Db,
  { type, criteria, scopes, tellsDeletes }: Wanted,
  { versions, heads }: { readonly versions: readonly T[]; readonly heads: ReadonlyMap<string, HeadVersion> },
): Promise<readonly T[]> => {
  const allowed = (each: string, letter: Parameters<typeof missingScope>[2]): boolean => missingScope(scopes, each, letter) === undefined;
  const isNewest = (each: T): boolean => heads.get(nameOf(each))?.version === each.version;
  const newest = versions.filter((each) => isNewest(each) && !heads.get(nameOf(each))!.deleted);
  const found = new Set<T>();
  for (let from = 0; from < newest.length; from += MAX_IDS) {
    const chunk = newest.slice(from, from + MAX_IDS);
    const ids = new Set((await server.search.filter(db, type, { criteria, ids: chunk.map(({ id }) => id), allowed })).map(({ id }) => id));
    for (const each of chunk) if (ids.has(each.id)) found.add(each);
  }
  const past = versions.filter((each) => !isNewest(each) || heads.get(nameOf(each))!.deleted);
  for (const each of past) if (await matchesPast(server, db, { criteria, allowed, tellsDeletes }, each)) found.add(each);
  return versions.filter((each) => found.has(each));
};

/**
 * Whether a superseded version met the criteria; `_list` and `_has` by what others say now, which is nothing where it was deleted. It is
 * stored once more under a key of its own, searched for, and taken back: what the search means is said in one place only.
 */
const matchesPast = async (
  server: Server,
  db: Db,
  {
    criteria,
    allowed,
    tellsDeletes,
  }: Omit<Wanted, 'type' | 'scopes'> & { readonly allowed: (type: string, letter: Parameters<typeof missingScope>[2]) => boolean },
  { type, id, version }: WrittenVersion,
): Promise<boolean> => {
  const typeId = server.registry.typeId(type);
  const head = await readHead(db, typeId, id);
  const written = head && (await readVersion(db, head, version));
  const past = written?.body === null && tellsDeletes ? await readVersion(db, head!, version - 1) : written;
  if (past === undefined || past.body === null) return false;
  const asked = decodeQuery(criteria);
  // The copy has another id: what is asked of the id is asked here.
  if (asked.some(([name, value]) => name === '_id' && !value.split(',').includes(id))) return false;
  // What doesn't go by its content holds for every version alike; nobody refers to the copy.
  const notOfContent = asked.filter(([name]) => NOT_OF_CONTENT.test(name));
  const isMet =
    notOfContent.length === 0 || (await server.search.filter(db, type, { criteria: queryOf(notOfContent), ids: [id], allowed })).length > 0;
  if (!isMet) return false;
  const others = queryOf(asked.filter(([name]) => name !== '_id' && !NOT_OF_CONTENT.test(name)));
  const [n] = await server.rids.take(1);
  const copy = newLogicalId();
  const { text, parameters } = writeStatement([
    {
      rid: ridOf(typeId, n!),
      typeId,
      id: copy,
      version: 1,
      updated: new Date(past.updatedMs).toISOString(),
      body: past.body,
      added: server.extractor.extract(type, copy, JSON.parse(past.body) as Record<string, unknown>),
      removed: NO_ROWS,
      event: '{}',
    },
  ]);
  await db.unsafe('savepoint past');
  try {
    await db.unsafe(text, parameters, { prepare: true });
    return (await server.search.filter(db, type, { criteria: others, ids: [copy], allowed })).length > 0;
  } finally {
    await db.unsafe('rollback to savepoint past');
  }
};
