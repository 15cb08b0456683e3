/** Which entries of a transaction a condition would find, were they stored already: for references, and so that nothing is created twice. */
import { decodeQuery } from '../search/parse.ts';
import type { ConditionalReference } from './references.ts';

/** An entry that stores a resource. */
export interface Candidate {
  readonly type: string;
  /** Read when it is asked for, and not kept. */
  readonly resource: () => Readonly<Record<string, unknown>>;
  readonly criteria: ConditionalReference | undefined;
}

export interface BundleMatcher<T extends Candidate> {
  /** Those with the very same criteria, and those with the identifier that the criteria are about. */
  find(criteria: ConditionalReference): ReadonlySet<T>;
}

export const keyOf = ({ type, criteria }: ConditionalReference): string => `${type}?${criteria}`;

export const createBundleMatcher = <T extends Candidate>(candidates: readonly T[]): BundleMatcher<T> => {
  const byCriteria = new Map<string, T[]>();
  const byIdentifier = new Map<string, T[]>();
  const add = (map: Map<string, T[]>, key: string, candidate: T): void => {
    const known = map.get(key);
    if (known === undefined) map.set(key, [candidate]);
    else known.push(candidate);
  };
  for (const candidate of candidates) {
    if (candidate.criteria !== undefined) add(byCriteria, keyOf(candidate.criteria), candidate);
    for (const key of identifiersOf(candidate)) add(byIdentifier, key, candidate);
  }
  return {
    find: (criteria) => {
      const identifier = identifierIn(criteria);
      return new Set([
        ...(byCriteria.get(keyOf(criteria)) ?? []),
        ...(identifier === undefined ? [] : (byIdentifier.get(identifier) ?? [])),
      ]);
    },
  };
};

/** `system|value` and `value` alone, as a search may give them. */
const identifiersOf = ({ type, resource }: Candidate): string[] => {
  const { identifier } = resource();
  return (Array.isArray(identifier) ? identifier : [identifier]).flatMap((each: unknown) => {
    const { system, value } = (each ?? {}) as { system?: unknown; value?: unknown };
    if (typeof value !== 'string') return [];
    return [`${type} ${value}`, `${type} ${typeof system === 'string' ? system : ''}|${value}`];
  });
};

/** The identifier that is all that criteria ask for; undefined where they ask for something else, which only the database can answer. */
const identifierIn = ({ type, criteria }: ConditionalReference): string | undefined => {
  const [first, second] = decodeQuery(criteria);
  if (first === undefined || second !== undefined) return undefined;
  const [name, value] = first;
  return name === 'identifier' && !/[,\\]/.test(value) ? `${type} ${value}` : undefined;
};
