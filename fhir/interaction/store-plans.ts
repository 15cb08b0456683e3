import { requireIntegrity } from '../store/integrity.ts';
import type { Db } from '../store/pool.ts';
import { writeStatement } from '../store/write-statement.ts';
import type { Plan } from './plan.ts';

/** Stores plans on the connection of a transaction that commits later. */
export const store = async (db: Db, plans: readonly Plan[]): Promise<void> => {
  await storeUnchecked(db, plans);
  await requireIntegrity(db, plans);
};

/** The same without a look at the references, for who stores more in the same transaction. */
export const storeUnchecked = async (db: Db, plans: readonly Plan[]): Promise<void> => {
  if (plans.length === 0) return;
  const { text, parameters } = writeStatement(
    plans.flatMap(({ write }) => write ?? []),
    plans.flatMap(({ write, event }) => (write === undefined ? [event] : [])),
  );
  await db.unsafe(text, parameters, { prepare: true });
};
