/**
 * Which Provenances go with an export of patients: those of anything in their compartments, not of the patients alone, as the compartment
 * itself has it. Source: http://hl7.org/fhir/uv/bulkdata/STU2/export.html#query-parameters
 */
import type { Registry } from '../../definitions/registry.ts';
import { canonicalReference, isLocalReference } from '../../search/parameter/reference.ts';
import type { Server } from '../../server.ts';
import { type Db, numberArray, textArray } from '../../store/pool.ts';
import { CONTAINED_FROM, RID_SPAN } from '../../store/rid.ts';
import type { Rest } from '../rest.ts';
import { createBelongs } from './belongs.ts';
import { type BatchRange, MAX_ROWS, type PastRow, readBatch } from './export-batch.ts';

export const PROVENANCE = 'Provenance';

/** Types of what patients have in their compartments. */
export const typesOfPatients = (registry: Registry): readonly string[] =>
  registry.resourceTypes.filter((type) => type === 'Patient' || registry.compartment('Patient', type).length > 0);

const FIND = `select r.rid from unnest((select $1)::smallint[], (select $2)::text[]) as wanted(type, id) join fhir.resource r using (type, id) order by r.rid`;

/** Reads resources by their names, `Type/id`, as they were at a moment, a batch at a time. */
const readNamed = async function* (
  { db, registry }: { readonly db: Db; readonly registry: Registry },
  names: readonly string[],
  range: Pick<BatchRange, 'snapshot' | 'sinceMs'>,
): AsyncGenerator<readonly PastRow[]> {
  for (let i = 0; i < names.length; i += MAX_ROWS) {
    const wanted = names.slice(i, i + MAX_ROWS).map((name) => name.split('/') as [string, string]);
    const values = [numberArray(wanted.map(([type]) => registry.typeId(type))), textArray(wanted.map(([, id]) => id))];
    const among = (await db.unsafe<{ rid: number }[]>(FIND, values, { prepare: true })).map(({ rid }) => rid);
    for (let after: number | undefined = 0; after !== undefined && among.length > 0;) {
      const batch = await readBatch(db, { ...range, after, end: CONTAINED_FROM, among });
      yield batch.rows;
      after = batch.after;
    }
  }
};

/** Of some Provenances, the keys of those that have a target in the compartment of one of the patients (undefined: of any). */
export const createOfCompartment = (
  server: Pick<Server, 'db' | 'registry' | 'planOf' | 'baseUrl'>,
  { snapshot, patients, rest }: { readonly snapshot: string; readonly patients: ReadonlySet<string> | undefined; readonly rest: Rest },
): ((rows: readonly { readonly rid: number; readonly body: string }[]) => Promise<ReadonlySet<number>>) => {
  const { registry, planOf, baseUrl } = server;
  const paths = planOf(PROVENANCE).parameters.get('target')?.paths ?? [];
  const belongs = new Map(typesOfPatients(registry).map((type) => [type, createBelongs(server, type, patients)] as const));
  const targetsOf = (body: string): readonly string[] => {
    const resource: unknown = JSON.parse(body);
    const targets = new Set<string>();
    for (const { select } of paths)
      select(resource, (value) => {
        const { reference } = value as { reference?: unknown };
        const local = typeof reference === 'string' ? canonicalReference(reference, baseUrl) : '';
        if (isLocalReference(local) && belongs.has(local.slice(0, local.indexOf('/')))) targets.add(local);
      });
    return [...targets];
  };
  return async (rows) => {
    const targets = new Map(rows.map(({ rid, body }) => [rid, targetsOf(body)] as const));
    const wanted = new Set<string>();
    for await (const found of readNamed(server, [...new Set([...targets.values()].flat())], { snapshot, sinceMs: undefined })) {
      for (const { rid, id, body } of found) {
        const type = registry.typeName(Math.floor(rid / RID_SPAN));
        if (body !== null && belongs.get(type)!({ id, body })) wanted.add(`${type}/${id}`);
      }
      await rest();
    }
    return new Set([...targets].filter(([, names]) => names.some((name) => wanted.has(name))).map(([rid]) => rid));
  };
};
