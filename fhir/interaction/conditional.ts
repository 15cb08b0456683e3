/** Conditional create, update and patch. Source: http://hl7.org/fhir/R4/http.html#ccreate, http://hl7.org/fhir/R4/http.html#cond-update */
import { Audited } from '../audit/audited.ts';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Call, Reply } from '../http/call.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch, requireNoneMatch } from '../http/preconditions.ts';
import { eventOf } from '../audit/trail.ts';
import type { Server } from '../server.ts';
import { lockCriteria } from '../store/criteria-lock.ts';
import { type Head, readHead } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Db } from '../store/pool.ts';
import { resolveConditional } from './conditional-references.ts';
import { criteriaIn, matchOne, requireSearchable } from './criteria.ts';
import { patchOf, planPatchAlone } from './patch.ts';
import { type Plan, planCreate, planUpdate } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import { readProvenance, type WithProvenance } from './provenance.ts';
import { store } from './store-plans.ts';
import { untilCurrent, written } from './written.ts';

/** Looks, plans and stores in one transaction that holds the criteria's lock, so that no two can find nothing and both create. */
const underLock = async (
  server: Server,
  call: Call,
  { query, provenance }: { readonly query: string; readonly provenance: WithProvenance },
  planned: (found: Head | undefined, db: Db) => Plan | Promise<Plan>,
): Promise<Reply> => {
  const type = call.target.resourceType!;
  const criteria = criteriaIn(query);
  requireSearchable(server, call, type, criteria);
  return untilCurrent(async () => {
    let plan: Plan | undefined;
    const committed = inTransaction(server.sql, async (db) => {
      await lockCriteria(db, [{ type, criteria }]);
      const match = await matchOne(server, db, type, criteria);
      plan = await planned(match && (await readHead(db, server.registry.typeId(type), match.id)), db);
      await store(db, provenance(plan));
    });
    const audited = await Audited.after(committed);
    return written(server, call, plan!, audited);
  });
};

/** What a conditional create answers where the resource is there: 200 and that one, unchanged. */
export const planExisting = (call: Pick<Call, 'identity' | 'requestId' | 'target'>, type: string, head: Head): Plan => ({
  status: 200,
  type,
  id: head.id,
  version: head.version,
  updatedMs: head.updatedMs,
  body: head.body,
  event: eventOf(call, { status: 200, resource: `${type}/${head.id}`, version: undefined, reason: 'exists already' }),
});

export const conditionalCreate = async (
  server: Server,
  call: Call,
  prepared: Prepared,
  { criteria, provenance }: { readonly criteria: string; readonly provenance: WithProvenance },
): Promise<Reply> => {
  const [n] = await server.rids.take(1);
  return underLock(server, call, { query: criteria, provenance }, (head) =>
    head === undefined ? planCreate(server, call, prepared, newLogicalId(), n!) : planExisting(call, prepared.type, head),
  );
};

interface Found {
  /** What matches the criteria. */
  readonly match: Head | undefined;
  /** Without a match: what there is under the id that the resource has. */
  readonly named: Head | undefined;
  /** For a resource without id, or whose id is new. */
  readonly fresh: { readonly id: string; readonly n: number };
}

/** Source: http://hl7.org/fhir/R4/http.html#cond-update */
export const planConditionalUpdate = (server: Server, call: Call, prepared: Prepared, { match, named, fresh }: Found): Plan => {
  const { type, resource } = prepared;
  const given = resource['id'];
  requireMatch(parseIfMatch(call.header('if-match')), match);
  requireNoneMatch(call.header('if-none-match'), match);
  if (match !== undefined) {
    if (given !== undefined && given !== match.id) {
      throw new FhirError('invalid', 'the resource that matches has another id than the one sent: leave the id out or give the right one', {
        expression: `${type}.id`,
      });
    }
    return planUpdate(server, call, prepared, match);
  }
  if (named === undefined) return planCreate(server, call, prepared, typeof given === 'string' ? given : fresh.id, fresh.n);
  if (named.body === null) return planUpdate(server, call, prepared, named);
  throw new FhirError(
    'conflict',
    `nothing matches the criteria, but ${type}/${named.id} is there: leave the id out, or update it by its id`,
    {
      expression: `${type}.id`,
    },
  );
};

export const conditionalUpdate = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const prepared = await resolveConditional(server, call, prepare(server, await call.text(), type));
  const given = prepared.resource['id'];
  const [n] = await server.rids.take(1);
  const provenance = await readProvenance(server, call);
  return underLock(server, call, { query: call.query, provenance }, async (match, db) => {
    const named = match === undefined && typeof given === 'string' ? await readHead(db, server.registry.typeId(type), given) : undefined;
    return planConditionalUpdate(server, call, prepared, { match, named, fresh: { id: newLogicalId(), n: n! } });
  });
};

/** Source: http://hl7.org/fhir/R4/http.html#patch */
export const conditionalPatch = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const patch = await patchOf(server, call, type);
  const provenance = await readProvenance(server, call);
  return underLock(server, call, { query: call.query, provenance }, (head, db) => {
    if (head === undefined)
      throw new FhirError('not-found', `nothing matches ${type} by the given criteria, so that nothing can be patched`);
    return planPatchAlone(server, call, patch, { type, id: head.id, head, db });
  });
};
