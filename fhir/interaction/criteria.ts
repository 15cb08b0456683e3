/** Criteria of conditional interactions. Source: http://hl7.org/fhir/R4/http.html#cond-update */
import { missingScope } from '../../proto/access/scope.ts';
import type { Call } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Db } from '../store/pool.ts';

/**
 * The criteria of a conditional create: only a query is asked for, but clients such as HAPI's write `Patient?identifier=…` or the whole
 * address. Source: http://hl7.org/fhir/R4/http.html#ccreate
 */
export const criteriaOf = (written: string): string => written.trim().replace(/^[^?=&]*\?/, '');

const SHAPES_THE_ANSWER = /^(?:_format|_pretty|_summary|_elements)=/;

/** What of a query decides which resource is meant; throws 400 where nothing does. */
export const criteriaIn = (query: string): string => {
  const criteria = query
    .split('&')
    .filter((part) => part !== '' && !SHAPES_THE_ANSWER.test(part))
    .join('&');
  if (criteria === '') throw new FhirError('invalid', 'a conditional interaction needs criteria, such as identifier=system|value');
  return criteria;
};

/** Throws 403 unless the caller may search the type, and whatever else the criteria search through a reference. */
export const requireSearchable = ({ search }: Server, { identity }: Pick<Call, 'identity'>, type: string, criteria: string): void => {
  requireScope(identity, type, 's');
  search.check(type, criteria, (each, letter) => missingScope(identity.scopes, each, letter) === undefined);
};

export const severalMatch = (type: string): FhirError =>
  new FhirError('multiple-matches', `several resources match ${type} by the given criteria: make them more specific`);

/** For criteria that {@link requireSearchable} has found the caller may ask. */
export const checkedBefore = (): boolean => true;

/** The one resource that matches, undefined where none does; 412 where several do. */
export const matchOne = async ({ search }: Server, db: Db, type: string, criteria: string): Promise<{ id: string } | undefined> => {
  const [first, second] = await search.match(db, type, criteria, 2, checkedBefore);
  if (second !== undefined) throw severalMatch(type);
  return first;
};
