/**
 * What an export of patients has beside what is theirs: practitioners, organizations, places, medications that it refers to.
 * Source: http://hl7.org/fhir/uv/bulkdata/STU2/export.html#endpoint---all-patients ("Other resources outside of the patient compartment that are
 * helpful in interpreting the patient data")
 */
import { patientsOf } from '../../audit/patients.ts';
import type { Registry } from '../../definitions/registry.ts';
import { localReferences } from '../../json/local-references.ts';
import type { Server } from '../../server.ts';
import { numberArray, textArray } from '../../store/pool.ts';
import { RID_SPAN } from '../../store/rid.ts';
import type { Candidates } from './candidates.ts';
import type { Row } from './export-batch.ts';
import type { ExportRequest } from './export-request.ts';
import { isReferred, typesOfPatients } from './of-patients.ts';

/** From a patient's resource: role → practitioner → organization. */
const ROUNDS = 3;
const MAX_RIDS = 50_000;
const MAX_KNOWN = 50_000;

export interface Step {
  readonly type: string;
  /** Of the patients (of the system, all), or what was referred to in a round. */
  readonly from: 'own' | number;
  /** What is asked for of these goes into files; else they are only looked at. */
  readonly isWritten: boolean;
  /** The round whose resources are what these refer to; undefined: nobody asks. */
  readonly notes: number | undefined;
}

/** The steps of an export, always the same for the same request. */
export const stepsOf = (registry: Registry, { types, referred = [], sinceMs, untilMs, filters }: ExportRequest): readonly Step[] => {
  if (referred.length === 0) return types.map((type) => ({ type, from: 'own', isWritten: true, notes: undefined }));
  const written = new Set([...types, ...referred]);
  // Whatever else is written, and of when: what a patient's resource refers to comes along.
  const stepsFrom = (type: string, from: Step['from'], notes: number | undefined): Step[] => {
    const isWritten = written.has(type);
    if (isWritten && sinceMs === undefined && untilMs === undefined && filters[type] === undefined)
      return [{ type, from, isWritten, notes }];
    const steps: Step[] = isWritten ? [{ type, from, isWritten, notes: undefined }] : [];
    return notes === undefined ? steps : [...steps, { type, from, isWritten: false, notes }];
  };
  const followed = registry.resourceTypes.filter((type) => isReferred(registry, type));
  return [
    ...typesOfPatients(registry).flatMap((type) => stepsFrom(type, 'own', 0)),
    ...Array.from({ length: ROUNDS }, (_, round) => round).flatMap((round) =>
      followed.flatMap((type) => stepsFrom(type, round, round + 1 < ROUNDS ? round + 1 : undefined)),
    ),
  ];
};

const NOTE = `insert into fhir.export_referred (job, type, id, round)
select $1::uuid, n.type, n.id, $4::smallint from unnest(($2)::smallint[], ($3)::text[]) as n(type, id) on conflict do nothing`;

/** Keeps in the database what resources refer to and belongs to no patient: noted again, nothing changes. */
export const createNotes = (
  { db, registry, baseUrl }: Pick<Server, 'db' | 'registry' | 'baseUrl'>,
  job: string,
): ((rows: readonly Pick<Row, 'body'>[], round: number) => Promise<void>) => {
  const types = new Set(registry.resourceTypes.filter((type) => isReferred(registry, type)));
  let known = new Set<string>();
  return async (rows, round) => {
    if (known.size > MAX_KNOWN) known = new Set();
    const fresh = new Map<string, { readonly type: string; readonly id: string }>();
    for (const { body } of rows) {
      for (const found of localReferences(body, baseUrl)) {
        const name = `${found.type}/${found.id}`;
        if (types.has(found.type) && !known.has(name)) fresh.set(name, found);
      }
    }
    if (fresh.size === 0) return;
    const all = [...fresh.values()];
    await db.unsafe(NOTE, [job, numberArray(all.map(({ type }) => registry.typeId(type))), textArray(all.map(({ id }) => id)), round], {
      prepare: true,
    });
    for (const name of fresh.keys()) known.add(name);
  };
};

const NOTED = `select r.rid from fhir.export_referred n join fhir.resource r on r.type = n.type and r.id = n.id
where n.job = $1::uuid and n.type = $2 and n.round = $3 and r.rid > $4::bigint order by r.rid limit ${MAX_RIDS + 1}`;

/** The next resources of a type that were noted in a round. */
export const readNoted = async (
  { db, registry }: Pick<Server, 'db' | 'registry'>,
  { job, type, round, after }: { readonly job: string; readonly type: string; readonly round: number; readonly after: number },
): Promise<Candidates> => {
  const typeId = registry.typeId(type);
  const rows = await db.unsafe<{ rid: number }[]>(NOTED, [job, typeId, round, Math.max(after, typeId * RID_SPAN - 1)], { prepare: true });
  return { rids: rows.slice(0, MAX_RIDS).map(({ rid }) => rid), hasMore: rows.length > MAX_RIDS };
};

export const forgetNotes = async ({ db }: Pick<Server, 'db'>, job: string): Promise<void> => {
  await db.unsafe('delete from fhir.export_referred where job = $1::uuid', [job], { prepare: true });
};

/** Leaves out what tells of other patients than those asked for. */
export const tellsOfNoOther = (
  { baseUrl }: Pick<Server, 'baseUrl'>,
  type: string,
  patients: ReadonlySet<string> | undefined,
): ((row: Row) => boolean) => {
  if (patients === undefined) return () => true;
  return ({ id, body }) => patientsOf([{ type, id, body }], baseUrl).every((name) => patients.has(name.slice('Patient/'.length)));
};
