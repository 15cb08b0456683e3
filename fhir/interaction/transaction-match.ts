/** What the conditions in a transaction find: in the database, and among the entries that the same Bundle creates. */
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Db } from '../store/pool.ts';
import { createBundleMatcher, keyOf } from './bundle-match.ts';
import { matchOne } from './criteria.ts';
import { type ConditionalReference, resolveCriteria } from './references.ts';
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
export const matchConditions = async (server: Server, given: readonly PreparedEntry[], db: Db): Promise<Conditions> => {
  const { prepared, stored } = await matchInTurn(server, given, db);
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

/**
 * What is stored and matches, by the key of its criteria. Those that name an entry which is itself by criteria are looked for after that
 * one is found, and are told as they then are. Throws 400 where none can be the first.
 */
const matchInTurn = async (
  server: Server,
  given: readonly PreparedEntry[],
  db: Db,
): Promise<{ readonly prepared: readonly PreparedEntry[]; readonly stored: ReadonlyMap<string, Match> }> => {
  const prepared = [...given];
  const stored = new Map<string, Match>();
  // fullUrl → Type/id; undefined while it isn't known.
  const targets = new Map<string, string | undefined>();
  for (const { entry, criteria } of given) if (entry.fullUrl !== undefined && criteria !== undefined) targets.set(entry.fullUrl, undefined);
  let waiting = given.map((_, place) => place);
  for (let turn = 1; waiting.length > 0; turn++) {
    if (turn > MAX_TURNS) throw tooDeep(prepared[waiting[0]!]!);
    const later: number[] = [];
    const ready = waiting.filter((place) => {
      const each = prepared[place]!;
      if (each.criteria === undefined || targets.size === 0) return true;
      let isReady = true;
      const criteria = resolveCriteria(each.criteria, (fullUrl) => {
        const target = targets.get(fullUrl);
        if (target === undefined && targets.has(fullUrl)) isReady = false;
        return target;
      });
      if (isReady) prepared[place] = { ...each, criteria };
      else later.push(place);
      return isReady;
    });
    if (ready.length === 0) throw inCircle(prepared[later[0]!]!);
    const found = await matchStored(
      server,
      ready.map((place) => prepared[place]!),
      db,
    );
    for (const [key, match] of found) stored.set(key, match);
    for (const place of ready) {
      const { entry, type, id, criteria } = prepared[place]!;
      if (entry.fullUrl !== undefined && criteria !== undefined) {
        targets.set(entry.fullUrl, `${type}/${found.get(keyOf(criteria))?.id ?? id}`);
      }
    }
    waiting = later;
  }
  return { prepared, stored };
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

/** Each is a visit to the database, and a look at all that wait. */
const MAX_TURNS = 16;

const tooDeep = ({ entry: { index } }: PreparedEntry): FhirError =>
  new FhirError(
    'too-costly',
    `Bundle.entry[${index}]: conditions that name entries by conditions go ${MAX_TURNS} entries deep at most: send several Bundles`,
    {
      expression: `Bundle.entry[${index}]`,
    },
  );

const inCircle = ({ entry: { index } }: PreparedEntry): FhirError =>
  new FhirError('invalid', `Bundle.entry[${index}]: its condition names an entry whose own condition leads back to it: break the circle`, {
    expression: `Bundle.entry[${index}]`,
  });

const sameCondition = ({ entry: first }: PreparedEntry, { entry }: PreparedEntry): FhirError =>
  new FhirError(
    'invalid',
    `Bundle.entry[${entry.index}] creates a resource unless there is one, and Bundle.entry[${first.index}] is one: a transaction takes each once`,
    { expression: `Bundle.entry[${entry.index}]` },
  );
