import { Audited } from '../audit/audited.ts';
import { tooManyEvents } from '../audit/outbox.ts';
import { createGather } from './gather.ts';
import { type Head, type HeadRow, HEAD_COLUMNS, headOf } from './head.ts';
import { joinJson, jsonTexts, numberArray, type Sql, textArray } from './pool.ts';

export interface Wanted {
  readonly typeId: number;
  readonly id: string;
  /** The event of reading it (trail.ts), all but the version and the patients, which are its last members. */
  readonly event: string;
}

export interface Found {
  readonly head: Head;
  /** Absent where SQL doesn't tell whom the resource is about, and where it is deleted: the event is the caller's to record. */
  readonly audited: Audited | undefined;
}

export interface ReadLane {
  /** The newest version of a resource, and its event, in one visit; undefined, and no event, where it never was. Rejects as the outbox does. */
  read(wanted: Wanted): Promise<Found | undefined>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

/** One lane, and others beside it when it is held up by a large resource: read times of 8 callers were no better with two (CPU 1.15). */
const LANES = { lanes: 1, moreLanes: 4, overdueMs: 10 };
/** Reads in one statement, whose answers are in memory together. */
const MAX_BATCH = 16;
const MAX_QUEUE = 20_000;
/** Connections that it takes at most. */
export const READ_LANE_CONNECTIONS = LANES.moreLanes;

/**
 * Whom a resource `r` is about, as members of a JSON array, the same as patientsOf (audit/patients.ts); null where that takes more than a look
 * at the text: where it is long or escaped, or names a patient more than once or otherwise than as `"reference":"Patient/1"`. PostgreSQL's
 * regular expressions over a whole Observation take 125 us, this 15. `patient` is the parameter with the id of that type.
 */
const patientsIn = (patient: string): string => {
  const id = `split_part(split_part(r.body, 'Patient/', 2), '"', 1)`;
  return `case
  when r.body is null or octet_length(r.body) > 65536 then null
  when strpos(r.body, '\\') > 0 and (strpos(r.body, '\\u') > 0 or strpos(r.body, '\\/') > 0) then null
  when strpos(r.body, 'Patient/') = 0 then case when r.type = ${patient} then '"Patient/' || r.id || '"' else '' end
  when r.type <> ${patient} and right(split_part(r.body, 'Patient/', 1), 13) = '"reference":"' and split_part(r.body, 'Patient/', 3) = ''
    and ${id} ~ '^[A-Za-z0-9.-]{1,64}$' then '"Patient/' || ${id} || '"'
  end`;
};

const READ = `with found as (
  select wanted.n::int as n, wanted.event, ${HEAD_COLUMNS}, r.body, ${patientsIn('$4::smallint')} as patients
  from unnest((select $1)::smallint[], (select $2)::text[], (select ${jsonTexts(3)})) with ordinality as wanted(type, id, event, n)
  join fhir.resource r using (type, id)),
recorded as (
  insert into audit.event (body)
  select event || ',"version":' || version || case patients when '' then '' else ',"patients":[' || patients || ']' end || '}'
  from found where patients is not null)
select n, rid, type, id, version, updated, body, patients is not null as audited from found`;

type Row = HeadRow & { readonly n: number; readonly audited: boolean };

/**
 * Reads with their events, those that come together in one statement: what would be two visits to PostgreSQL one after the other, the second
 * with a commit, is one. `patientTypeId` is what the store has for Patient.
 */
export const createReadLane = (sql: Sql, patientTypeId: number): ReadLane => {
  const flush = async (wanted: readonly Wanted[]): Promise<(Found | undefined)[]> => {
    const parameters = [
      numberArray(wanted.map(({ typeId }) => typeId)),
      textArray(wanted.map(({ id }) => id)),
      joinJson(wanted.map(({ event }) => event.slice(0, -1))),
      patientTypeId,
    ];
    const found: (Found | undefined)[] = wanted.map(() => undefined);
    const rows = sql.unsafe<Row[]>(READ, parameters, { prepare: true });
    // A statement is answered when it is committed (audit/verified-commit.ts).
    const durable = await Audited.after(rows);
    for (const row of await rows) found[row.n - 1] = { head: headOf(row), audited: row.audited ? durable : undefined };
    return found;
  };
  const { submit, drain } = createGather<Wanted, Found | undefined>({
    flush,
    ...LANES,
    maxBatch: MAX_BATCH,
    maxQueue: MAX_QUEUE,
    tooMany: tooManyEvents,
  });
  return { read: submit, drain };
};
