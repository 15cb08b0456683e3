/** Conditional create and update. Source: http://hl7.org/fhir/R4/http.html#ccreate, http://hl7.org/fhir/R4/http.html#cond-update */
import { Audited } from '../audit/audited.ts';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Call, Reply } from '../http/call.ts';
import { requireScope } from '../http/identity.ts';
import { FhirError } from '../http/outcome.ts';
import { parseIfMatch, requireMatch } from '../http/preconditions.ts';
import { eventOf } from '../audit/trail.ts';
import type { Server } from '../server.ts';
import { lockCriteria } from '../store/criteria-lock.ts';
import { type Head, readHead } from '../store/head.ts';
import { newLogicalId } from '../store/logical-id.ts';
import type { Db } from '../store/pool.ts';
import { writeStatement } from '../store/write-statement.ts';
import { type Plan, planCreate, planUpdate } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import { untilCurrent, written } from './written.ts';

/** The head of the one resource that matches, undefined where none does; 412 where several do. */
export const matchOne = async ({ search }: Server, db: Db, type: string, criteria: string): Promise<{ id: string } | undefined> => {
  const [first, second] = await search.match(db, type, criteria, 2);
  if (second !== undefined) {
    throw new FhirError('multiple-matches', `several resources match ${type} by the given criteria: make them more specific`);
  }
  return first;
};

/** Stores plans on the connection of a transaction that commits later. */
export const store = async (db: Db, plans: readonly Plan[]): Promise<void> => {
  const { text, parameters } = writeStatement(
    plans.flatMap(({ write }) => write ?? []),
    plans.flatMap(({ write, event }) => (write === undefined ? [event] : [])),
  );
  await db.unsafe(text, parameters, { prepare: true });
};

/** Looks, plans and stores in one transaction that holds the criteria's lock, so that no two can find nothing and both create. */
const underLock = async (
  server: Server,
  call: Call,
  criteria: string,
  planned: (db: Db, found: Head | undefined) => Plan,
): Promise<Reply> => {
  const type = call.target.resourceType!;
  requireScope(call.identity, type, 's');
  return untilCurrent(async () => {
    let plan: Plan | undefined;
    const committed = inTransaction(server.sql, async (db) => {
      await lockCriteria(db, [{ type, criteria }]);
      const match = await matchOne(server, db, type, criteria);
      const head = match && (await readHead(db, server.registry.typeId(type), match.id));
      plan = planned(db, head);
      await store(db, [plan]);
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

export const conditionalCreate = async (server: Server, call: Call, prepared: Prepared, criteria: string): Promise<Reply> => {
  const [n] = await server.rids.take(1);
  return underLock(server, call, criteria, (_, head) =>
    head === undefined ? planCreate(server, call, prepared, newLogicalId(), n!) : planExisting(call, prepared.type, head),
  );
};

export const conditionalUpdate = async (server: Server, call: Call): Promise<Reply> => {
  const type = call.target.resourceType!;
  const demanded = parseIfMatch(call.header('if-match'));
  const prepared = prepare(server, await call.text(), type);
  if (call.query === '')
    throw new FhirError('invalid', `an update without an id needs criteria: PUT ${type}?identifier=…, or PUT ${type}/<id>`);
  const [n] = await server.rids.take(1);
  const given = prepared.resource['id'];
  return underLock(server, call, call.query, (_, head) => {
    requireMatch(demanded, head?.version);
    if (head !== undefined) {
      if (given !== undefined && given !== head.id) {
        throw new FhirError('invalid', 'the resource that matches has another id than the body: leave the id out or give the right one', {
          expression: `${type}.id`,
        });
      }
      return planUpdate(server, call, prepared, head);
    }
    return planCreate(server, call, prepared, typeof given === 'string' ? given : newLogicalId(), n!);
  });
};
