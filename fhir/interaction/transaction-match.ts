/** What the conditions in a transaction find: in the database, and among the entries that the same Bundle creates. */
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Db } from '../store/pool.ts';
import { createBundleMatcher, keyOf } from './bundle-match.ts';
import { matchOne } from './criteria.ts';
import type { ConditionalReference } from './references.ts';
import { inEntry, type PreparedEntry } from './transaction-entry.ts';

export interface Match {
  readonly id: string;
}

interface Conditions {
  /** By the index of the entry whose condition it is. */
  readonly matched: ReadonlyMap<number, Match>;
  /** fullUrl, or conditional reference as it is written, → `Type/id`. */
  readonly resolved: ReadonlyMap<string, string>;
}

/** Throws 412 where a condition matches several, or a reference nothing. */
export const matchConditions = async (server: Server, prepared: readonly PreparedEntry[], db: Db): Promise<Conditions> => {
  const stored = await matchStored(server, prepared, db);
  const matched = new Map<number, Match>();
  for (const { entry, criteria } of prepared) {
    const match = criteria && stored.get(keyOf(criteria));
    if (match !== undefined) matched.set(entry.index, match);
  }
  const idOf = ({ entry, id }: PreparedEntry): string => matched.get(entry.index)?.id ?? id;
  // Where nothing is looked for, no entry needs to be read for what it is called.
  const areAny = prepared.some(({ criteria, references }) => criteria !== undefined || references.size > 0);
  const inBundle = createBundleMatcher(
    (areAny ? prepared : []).flatMap((owner) => {
      const { prepared: stored, type, criteria } = owner;
      return stored === undefined ? [] : [{ type, criteria, resource: () => stored.resource, owner }];
    }),
  );
  for (const own of prepared) {
    if (own.criteria === undefined || own.prepared === undefined || matched.has(own.entry.index)) continue;
    const twin = [...inBundle.find(own.criteria)].find(({ owner }) => owner !== own);
    if (twin !== undefined) throw sameCondition(twin.owner, own);
  }
  const resolved = new Map<string, string>();
  for (const entry of prepared) {
    if (entry.entry.fullUrl !== undefined) resolved.set(entry.entry.fullUrl, `${entry.type}/${idOf(entry)}`);
    for (const [written, criteria] of entry.references) {
      const ids = new Set([...inBundle.find(criteria)].map(({ owner }) => idOf(owner)));
      const match = stored.get(keyOf(criteria));
      if (match !== undefined) ids.add(match.id);
      const [id] = ids;
      inEntry(entry.entry, () => requireOne(criteria, ids));
      resolved.set(written, `${criteria.type}/${id}`);
    }
  }
  return { matched, resolved };
};

const matchStored = async (server: Server, prepared: readonly PreparedEntry[], db: Db): Promise<Map<string, Match>> => {
  const wanted = new Map<string, { readonly criteria: ConditionalReference; readonly by: PreparedEntry }>();
  for (const by of prepared) {
    for (const criteria of [...(by.criteria === undefined ? [] : [by.criteria]), ...by.references.values()]) {
      if (!wanted.has(keyOf(criteria))) wanted.set(keyOf(criteria), { criteria, by });
    }
  }
  const found = new Map<string, Match>();
  await Promise.all(
    [...wanted].map(async ([key, { criteria, by }]) => {
      try {
        const match = await matchOne(server, db, criteria.type, criteria.criteria);
        if (match !== undefined) found.set(key, match);
      } catch (error) {
        inEntry(by.entry, () => {
          throw error;
        });
      }
    }),
  );
  return found;
};

/** Throws 412 unless it is one. */
export const requireOne = ({ type }: ConditionalReference, ids: ReadonlySet<string>): void => {
  if (ids.size === 0)
    throw new FhirError('precondition', `nothing matches the conditional reference to ${type}: store that resource first`);
  if (ids.size > 1)
    throw new FhirError(
      'multiple-matches',
      `several resources match the conditional reference to ${type}: make its criteria more specific`,
    );
};

const sameCondition = ({ entry: first }: PreparedEntry, { entry }: PreparedEntry): FhirError =>
  new FhirError(
    'invalid',
    `Bundle.entry[${entry.index}] creates a resource unless there is one, and Bundle.entry[${first.index}] is one: a transaction takes each once`,
    { expression: `Bundle.entry[${entry.index}]` },
  );
