/** All entries or none. Source: http://hl7.org/fhir/R4/http.html#trules */
import { Audited } from '../audit/audited.ts';
import { outboxWithin } from '../audit/outbox.ts';
import { record } from '../audit/trail.ts';
import { inTransaction } from '../audit/verified-commit.ts';
import type { Call, Reply } from '../http/call.ts';
import { FHIR_JSON } from '../http/negotiation.ts';
import { FhirError } from '../http/outcome.ts';
import type { Server } from '../server.ts';
import { lockCriteria } from '../store/criteria-lock.ts';
import { requireIntegrity } from '../store/integrity.ts';
import type { Db } from '../store/pool.ts';
import { type Entry, IN_ONE_TURN, type IncomingBundle } from './bundle.ts';
import { entryCall } from './entry-call.ts';
import { interact, requireAllowed } from './interaction.ts';
import type { Plan, Told } from './plan.ts';
import { isShown, MAX_ANSWERS, responseBundle, responseEntry, tooMuch } from './response-bundle.ts';
import { storeUnchecked } from './store-plans.ts';
import { inEntry, inEntryAsync } from './transaction-entry.ts';
import {
  criteriaOf,
  isDelete,
  isRead,
  openPlanning,
  planDeletes,
  prepareEntries,
  type PreparedEntry,
  requireDistinct,
  requireKept,
} from './transaction-plan.ts';
import { commit, shownAs, untilCurrent } from './written.ts';

export const transaction = async (
  server: Server,
  call: Call,
  { entries: parsed, isLarge }: Omit<IncomingBundle, 'type'>,
): Promise<Reply> => {
  const entries = parsed.map((entry) => {
    if (entry instanceof FhirError) throw entry;
    return entry;
  });
  for (const entry of entries) inEntry(entry, () => requireAllowed(server, { target: entry.target, identity: call.identity }));
  const prepared = await prepareEntries(server, call, entries);
  const { plans, read, audited } = await untilCurrent(() => process(server, call, entries, { prepared, isLarge }));
  const answers = entries.map((entry) => {
    const plan = plans.get(entry.index)?.[0];
    const reply = plan === undefined ? read.get(entry.index)! : shownAs(server, call.prefer.return ?? 'minimal', plan);
    return responseEntry(reply, isShown(call, entry, reply));
  });
  return { status: 200, headers: { 'content-type': FHIR_JSON }, body: responseBundle('transaction-response', answers), audited };
};

interface Processed {
  /** By the index of the entry; a conditional delete may have several. */
  readonly plans: ReadonlyMap<number, readonly Told[]>;
  readonly read: ReadonlyMap<number, Reply>;
  readonly audited: Audited;
}

const toldBy =
  ({ prefer }: Call) =>
  ({ status, type, id, version, updatedMs, body, integrity }: Plan): Told => {
    const shown = prefer.return === 'representation' ? body : null;
    return { status, type, id, version, updatedMs, body: shown, integrity };
  };

const process = async (
  server: Server,
  call: Call,
  entries: readonly Entry[],
  { prepared, isLarge }: { readonly prepared: readonly PreparedEntry[]; readonly isLarge: boolean },
): Promise<Processed> => {
  const reads = entries.filter(isRead);
  const deletes = prepared.filter(isDelete);
  const others = prepared.filter((entry) => !isDelete(entry));
  const { locked, areAny } = criteriaOf(prepared);
  if (entries.length === 0) {
    return { plans: new Map(), read: new Map(), audited: await record(server.outbox, call, { status: 200, count: 0 }) };
  }
  // Without criteria to look up and lock, one statement does it all, and shares its commit with others.
  if (!areAny && !isLarge && reads.length === 0) {
    const deleting = await planDeletes(server, call, deletes, server.db);
    const planSome = await openPlanning(server, call, others, server.db);
    const plans = new Map([...deleting, ...(await planSome(others))]);
    return { plans, read: new Map(), audited: await commit(server, [...plans.values()].flat()) };
  }
  let done: Omit<Processed, 'audited'> | undefined;
  const committed = inTransaction(server.sql, async (db: Db) => {
    await lockCriteria(db, locked);
    const deleting = await planDeletes(server, call, deletes, db);
    await requireKept(server, others, deleting, db);
    // Stored first, so that the conditions of the other entries no longer find what this Bundle deletes.
    await storeUnchecked(db, [...deleting.values()].flat());
    const plans = new Map<number, readonly Told[]>(deleting);
    const told = toldBy(call);
    const requireNew = requireDistinct();
    requireNew(entries, deleting);
    const planSome = await openPlanning(server, call, others, db);
    // Few at once where there are many: what is sent to the database takes several times the memory of what is stored.
    for (let from = 0; from < others.length; from += IN_ONE_TURN) {
      const writing = await planSome(others.slice(from, from + IN_ONE_TURN));
      requireNew(
        entries.filter(({ index }) => writing.has(index)),
        writing,
      );
      await storeUnchecked(db, [...writing.values()].flat());
      for (const [index, made] of writing) plans.set(index, made.map(told));
    }
    await requireIntegrity(db, [...plans.values()].flat());
    const read = new Map<number, Reply>();
    const within = { ...server, db, outbox: outboxWithin(db) };
    let size = 0;
    for (const entry of reads) {
      const reply = await inEntryAsync(entry, () => interact(within, entryCall(call, entry)));
      size += reply.body?.length ?? 0;
      if (size > MAX_ANSWERS) throw tooMuch();
      read.set(entry.index, reply);
    }
    done = { plans, read };
  });
  const audited = await Audited.after(committed);
  return { ...done!, audited };
};
