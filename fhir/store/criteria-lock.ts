import type { Db } from './pool.ts';
import { textArray } from './pool.ts';

const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part.replaceAll('+', ' '));
  } catch {
    return part; // the search refuses it
  }
};

/** One form for criteria that say the same: parameters in order and decoded, without those that only shape the answer. */
const canonical = (criteria: string): string[] =>
  criteria
    .split('&')
    .filter((part) => part !== '' && !part.startsWith('_format=') && !part.startsWith('_pretty='))
    .map(decoded)
    .sort();

/** The values of the identifiers that criteria ask for, whether they name a system or not. */
const identifiersIn = (parts: readonly string[]): string[] =>
  parts
    .filter((part) => part.startsWith('identifier='))
    .flatMap((part) => part.slice('identifier='.length).split(','))
    .map((value) => `identifier=${value.slice(value.lastIndexOf('|') + 1)}`);

const LOCK = `select pg_advisory_xact_lock(key) from
  (select distinct hashtextextended(name, 20) as key from unnest($1::text[]) as name order by key) as locks`;

/**
 * Takes, to the end of the transaction, a lock per criteria and per identifier in them, so that of several servers that would create
 * the same thing one goes first and the others find it. In one order, so that they can't wait for each other in a ring.
 */
export const lockCriteria = async (db: Db, wanted: readonly { readonly type: string; readonly criteria: string }[]): Promise<void> => {
  const names = wanted.flatMap(({ type, criteria }) => {
    const parts = canonical(criteria);
    return [`${type}?${parts.join('&')}`, ...identifiersIn(parts).map((part) => `${type}?${part}`)];
  });
  if (names.length > 0) await db.unsafe(LOCK, [textArray([...new Set(names)])], { prepare: true });
};
