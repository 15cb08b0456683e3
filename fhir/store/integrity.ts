/** Referential integrity, where the operator wants it: nothing refers to what isn't there. */

import { FhirError } from '../http/outcome.ts';
import { type Db, numberArray, textArray } from './pool.ts';
import { CONTAINED_FROM } from './rid.ts';

/** A reference to a resource of this server. */
export interface LocalReference {
  /** FHIRPath of the element that holds it. */
  readonly element: string;
  readonly type: string;
  readonly typeId: number;
  readonly id: string;
}

/** What a write means for the references of others; absent from plans where integrity isn't enforced. */
export interface Integrity {
  readonly references: readonly LocalReference[];
  /** `Type/id` where the write deletes. */
  readonly deleted: string | undefined;
  /** Of the number that the store has for a resource type. */
  readonly typeName: (typeId: number) => string;
}

// Share locks: who deletes one of these waits until this transaction has ended, and then finds what it stored.
const LOCK_TARGETS = `select r.type, r.id from fhir.resource r
where (r.type, r.id) in (select * from unnest($1::smallint[], $2::text[])) and not r.deleted order by r.rid for share`;

const REFERRERS = `select w.target, r.type, r.id from unnest($1::text[]) as w(target)
cross join lateral (select s.rid from fhir.sp_ref s where s.target = hashtextextended(w.target, 0) and s.rid < ${CONTAINED_FROM} limit 1) s
join fhir.resource r using (rid) where not r.deleted limit 1`;

/**
 * Throws 422 where what was stored refers to nothing, 409 where something refers to what was deleted. To be asked after the write, in its
 * transaction: its row locks and these make it hold whatever others do at the same time.
 */
export const requireIntegrity = async (db: Db, plans: readonly { readonly integrity?: Integrity | undefined }[]): Promise<void> => {
  const references = new Map<string, LocalReference>();
  const deleted: string[] = [];
  let typeName: Integrity['typeName'] = String;
  for (const { integrity } of plans) {
    for (const reference of integrity?.references ?? []) references.set(`${reference.typeId}/${reference.id}`, reference);
    if (integrity?.deleted !== undefined) {
      deleted.push(integrity.deleted);
      ({ typeName } = integrity);
    }
  }
  if (references.size > 0) await requireTargets(db, references);
  if (deleted.length > 0) await requireNoReferrers(db, deleted, typeName);
};

const requireTargets = async (db: Db, references: Map<string, LocalReference>): Promise<void> => {
  const wanted = [...references.values()];
  const parameters = [numberArray(wanted.map(({ typeId }) => typeId)), textArray(wanted.map(({ id }) => id))];
  const rows = await db.unsafe<{ type: number; id: string }[]>(LOCK_TARGETS, parameters, { prepare: true });
  for (const { type, id } of rows) references.delete(`${type}/${id}`);
  const [missing] = references.values();
  if (missing === undefined) return;
  const { element, type, id } = missing;
  throw new FhirError(
    'unprocessable',
    `${element} refers to ${type}/${id}, which is not there: store that first, or in the same transaction`,
    {
      expression: element,
    },
  );
};

const requireNoReferrers = async (db: Db, deleted: readonly string[], typeName: Integrity['typeName']): Promise<void> => {
  const [row] = await db.unsafe<{ target: string; type: number; id: string }[]>(REFERRERS, [textArray(deleted)], { prepare: true });
  if (row === undefined) return;
  throw new FhirError(
    'conflict',
    `${row.target} can't be deleted, since ${typeName(row.type)}/${row.id} refers to it: delete or change that first`,
  );
};
