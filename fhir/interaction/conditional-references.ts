/** Conditional references of a resource that is written on its own. Source: http://hl7.org/fhir/R4/http.html#trules */
import type { Call } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import type { Db } from '../store/pool.ts';
import { matchOne, requireSearchable } from './criteria.ts';
import type { Prepared } from './prepare.ts';
import { conditionalFinder, replaceReferences } from './references.ts';
import { requireOne } from './transaction-match.ts';

/** Each of them is a search. */
const MAX_REFERENCES = 100;

interface Resolving {
  /** Where it is searched. */
  readonly db?: Db;
  /** What was stored before a patch: that stays as it is. */
  readonly before?: string;
}

/**
 * The resource with each conditional reference as the `Type/id` that it leads to now, as a transaction of this one entry would store it. Throws
 * 412 where nothing or several match, 403 where the caller may not search so, 404 on an unknown type, 413 on more than 100.
 */
export const resolveConditional = async (
  server: Server,
  call: Pick<Call, 'identity'>,
  prepared: Prepared,
  { db = server.db, before = '' }: Resolving = {},
): Promise<Prepared> => {
  const { type, text } = prepared;
  // What the entries of a Bundle refer to is between them.
  if (type === 'Bundle') return prepared;
  const find = conditionalFinder();
  const references = new Map(find(text));
  if (references.size > 0) for (const written of find(before).keys()) references.delete(written);
  if (references.size === 0) return prepared;
  if (references.size > MAX_REFERENCES)
    throw new FhirError('too-costly', `a resource has ${MAX_REFERENCES} conditional references at most: refer to some of them by Type/id`);
  for (const searched of references.values()) {
    if (!server.registry.isResourceType(searched.type)) throw new FhirError('unknown-type', `${searched.type} is no FHIR R4 resource type`);
    requireSearchable(server, call, searched.type, searched.criteria);
  }
  const resolved = new Map<string, string>();
  for (const [written, searched] of references) {
    const match = await matchOne(server, db, searched.type, searched.criteria);
    requireOne(searched, new Set(match === undefined ? [] : [match.id]));
    resolved.set(written, `${searched.type}/${match!.id}`);
  }
  const replaced = replaceReferences(text, resolved);
  return { type, text: replaced, resource: JSON.parse(replaced) as Prepared['resource'] };
};
