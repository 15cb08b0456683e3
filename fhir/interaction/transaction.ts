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
import { createShelf, type Shelf } from './answer-shelf.ts';
import { type Entry, IN_ONE_TURN, type IncomingBundle } from './bundle.ts';
import { entryCall } from './entry-call.ts';
import { interact, requireAllowed } from './interaction.ts';
import type { Plan } from './plan.ts';
import { type Answer, isShown, MAX_ANSWERS, responseEntry, shelvedBundle, tooMuch } from './response-bundle.ts';
import { storeUnchecked } from './store-plans.ts';
import { inEntry, inEntryAsync, type PreparedEntry } from './transaction-entry.ts';
import {
  criteriaOf,
  isDelete,
  isRead,
  openPlanning,
  planDeletes,
  prepareEntries,
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
  const { answers, audited } = await untilCurrent(() => process(server, call, entries, { prepared, isLarge }));
  const ended = { deletes: await answers.deletes.end(), writes: await answers.writes.end(), reads: await answers.reads.end() };
  const body = shelvedBundle(
    'transaction-response',
    entries.map((entry) => ended[partOf(entry)]),
  );
  return { status: 200, headers: { 'content-type': FHIR_JSON }, ...body, audited };
};

/** An entry's part of the work; each is done in the order of its entries. */
type Part = 'deletes' | 'writes' | 'reads';

const partOf = (entry: Entry): Part => (isRead(entry) ? 'reads' : isDelete({ entry }) ? 'deletes' : 'writes');

interface Processed {
  readonly answers: Readonly<Record<Part, Shelf>>;
  readonly audited: Audited;
}

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
  const answers = { deletes: createShelf(), writes: createShelf(), reads: createShelf() };
  const tell = (entry: Entry, reply: Answer): Promise<void> =>
    answers[partOf(entry)].add(responseEntry(reply, isShown(call, entry, reply)));
  /** Of a conditional delete that has several plans, by the first. */
  const tellPlan = (entry: Entry, [plan]: readonly Plan[] = []): Promise<void> =>
    tell(entry, shownAs(server, call.prefer.return ?? 'minimal', plan!));
  if (entries.length === 0) {
    return { answers, audited: await record(server.outbox, call, { status: 200, count: 0 }) };
  }
  // Without criteria to look up and lock, one statement does it all, and shares its commit with others.
  if (!areAny && !isLarge && reads.length === 0) {
    const deleting = await planDeletes(server, call, deletes, server.db);
    const planSome = await openPlanning(server, call, others, server.db);
    const plans = new Map([...deleting, ...(await planSome(others))]);
    const audited = await commit(server, [...plans.values()].flat());
    for (const entry of entries) await tellPlan(entry, plans.get(entry.index));
    return { answers, audited };
  }
  const committed = inTransaction(server.sql, async (db: Db) => {
    await lockCriteria(db, locked);
    const deleting = await planDeletes(server, call, deletes, db);
    await requireKept(server, others, deleting, db);
    // Stored first, so that the conditions of the other entries no longer find what this Bundle deletes.
    await storeUnchecked(db, [...deleting.values()].flat());
    for (const { entry } of deletes) await tellPlan(entry, deleting.get(entry.index));
    const integrity: Pick<Plan, 'integrity'>[] = [];
    const keepIntegrity = (plans: Iterable<readonly Plan[]>): void => {
      for (const { integrity: each } of [...plans].flat()) if (each !== undefined) integrity.push({ integrity: each });
    };
    keepIntegrity(deleting.values());
    const requireNew = requireDistinct();
    requireNew(entries, deleting);
    const planSome = await openPlanning(server, call, others, db);
    // Few at once where there are many: what is sent to the database takes several times the memory of what is stored.
    for (let from = 0; from < others.length; from += IN_ONE_TURN) {
      const some = others.slice(from, from + IN_ONE_TURN);
      const writing = await planSome(some);
      requireNew(
        some.map(({ entry }) => entry),
        writing,
      );
      await storeUnchecked(db, [...writing.values()].flat());
      // What is told is all that is kept of them.
      for (const { entry } of some) await tellPlan(entry, writing.get(entry.index));
      keepIntegrity(writing.values());
    }
    await requireIntegrity(db, integrity);
    const within = { ...server, db, outbox: outboxWithin(db), reads: undefined };
    let size = 0;
    for (const entry of reads) {
      const reply = await inEntryAsync(entry, () => interact(within, entryCall(call, entry)));
      size += reply.body?.length ?? 0;
      if (size > MAX_ANSWERS) throw tooMuch();
      await tell(entry, reply);
    }
  });
  return { answers, audited: await Audited.after(committed) };
};
