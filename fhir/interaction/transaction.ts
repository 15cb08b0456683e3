/** All entries or none. Source: http://hl7.org/fhir/R4/http.html#trules */
import { Audited } from '../audit/audited.ts';
import { record } from '../audit/trail.ts';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { lockCriteria } from '../store/criteria-lock.ts';
import type { Db } from '../store/pool.ts';
import { type Entry } from './bundle.ts';
import { store } from './conditional.ts';
import { entryCall } from './entry-call.ts';
import { interact, requireAllowed } from './interaction.ts';
import type { Plan } from './plan.ts';
import { responseBundle, responseEntry } from './response-bundle.ts';
import { inEntry } from './transaction-entry.ts';
import { criteriaOf, planEntries, prepareEntries, type PreparedEntry } from './transaction-plan.ts';
import { commit, untilCurrent, versionHeaders } from './written.ts';

export const transaction = async (server: Server, call: Call, parsed: readonly (Entry | FhirError)[]): Promise<Reply> => {
  const entries = parsed.map((entry) => {
    if (entry instanceof FhirError) throw entry;
    return entry;
  });
  for (const entry of entries) inEntry(entry, () => requireAllowed(server, { target: entry.target, identity: call.identity }));
  const reads = entries.filter(({ method }) => method === 'GET');
  const prepared = await prepareEntries(server, call, entries);
  const { plans, read, audited } = await untilCurrent(() => process(server, call, prepared, reads));
  const answers = entries.map((entry) => {
    const plan = plans.get(entry.index);
    if (plan === undefined) return responseEntry(read.get(entry.index)!, true);
    return responseEntry(
      { status: plan.status, headers: versionHeaders(server, plan), body: plan.body },
      call.prefer.return === 'representation',
    );
  });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: responseBundle('transaction-response', answers), audited };
};

interface Processed {
  readonly plans: ReadonlyMap<number, Plan>;
  readonly read: ReadonlyMap<number, Reply>;
  readonly audited: Audited;
}

const process = async (server: Server, call: Call, prepared: readonly PreparedEntry[], reads: readonly Entry[]): Promise<Processed> => {
  const { locked, looked } = criteriaOf(prepared);
  if (prepared.length === 0 && reads.length === 0) {
    return { plans: new Map(), read: new Map(), audited: await record(server.outbox, call, { status: 200, count: 0 }) };
  }
  // Without criteria to look up and lock, one statement does it all, and shares its commit with others.
  if (locked.length === 0 && looked.length === 0 && reads.length === 0) {
    const plans = await planEntries(server, call, prepared, server.db);
    return { plans, read: new Map(), audited: await commit(server, [...plans.values()]) };
  }
  let done: Omit<Processed, 'audited'> | undefined;
  const committed = inTransaction(server.sql, async (db: Db) => {
    await lockCriteria(db, locked);
    const plans = await planEntries(server, call, prepared, db);
    if (plans.size > 0) await store(db, [...plans.values()]);
    const read = new Map<number, Reply>();
    for (const entry of reads) read.set(entry.index, await interact({ ...server, db }, entryCall(call, entry)));
    done = { plans, read };
  });
  const audited = await Audited.after(committed);
  return { ...done!, audited };
};
