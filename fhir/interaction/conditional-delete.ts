/** Source: http://hl7.org/fhir/R4/http.html#3.1.0.7.1 */
import { Audited } from '../audit/audited.ts';
import { eventOf } from '../audit/trail.ts';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch } from '../http/preconditions.ts';
import type { Server } from '../server.ts';
import { lockCriteria } from '../store/criteria-lock.ts';
import { readHeads } from '../store/head.ts';
import type { Db } from '../store/pool.ts';
import { checkedBefore, criteriaIn, requireSearchable, severalMatch } from './criteria.ts';
import { type Plan, planDelete } from './plan.ts';
import { store } from './store-plans.ts';
import { untilCurrent, written } from './written.ts';

const MAX_DELETED = 1000;

/** Deletes what matches: 412 where several do and the operator hasn't allowed that, 204 where nothing does. */
export const conditionalDelete = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const criteria = criteriaIn(call.query);
  requireSearchable(server, call, type, criteria);
  return untilCurrent(async () => {
    let plans: readonly Plan[] = [];
    const committed = inTransaction(server.sql, async (db) => {
      await lockCriteria(db, [{ type, criteria }]);
      plans = await planConditionalDelete(server, call, db, criteria);
      await store(db, plans);
    });
    const audited = await Audited.after(committed);
    const [only] = plans;
    if (plans.length === 1) return written(server, call, only!, audited);
    return { status: 204, headers: {}, body: null, audited };
  });
};

/** At least one plan: without a match, one that does nothing. */
export const planConditionalDelete = async (server: Server, call: Call, db: Db, criteria: string): Promise<readonly Plan[]> => {
  const type = call.target.resourceType!;
  const limit = server.rules.conditionalDelete === 'multiple' ? MAX_DELETED : 1;
  const matches = await server.search.match(db, type, criteria, limit + 1, checkedBefore);
  if (matches.length > limit) {
    if (limit === 1) throw severalMatch(type);
    throw new FhirError('too-costly', `more than ${limit} resources match ${type} by the given criteria: delete fewer at once`);
  }
  const typeId = server.registry.typeId(type);
  const heads = await readHeads(
    db,
    matches.map(({ id }) => ({ typeId, id })),
  );
  const demanded = parseIfMatch(call.header('if-match'));
  if (matches.length === 0) {
    requireMatch(demanded, undefined);
    const event = eventOf(call, { status: 204, reason: 'nothing to delete' });
    return [{ status: 204, type, id: '', version: 0, updatedMs: 0, body: null, event }];
  }
  return matches.map(({ id }) => {
    const head = heads.get(`${typeId}/${id}`);
    requireMatch(demanded, head);
    return planDelete(server, call, type, id, head);
  });
};
