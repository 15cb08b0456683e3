import { Audited } from '../audit/audited.ts';
import { tooManyEvents } from '../audit/outbox.ts';
import { createGather } from './gather.ts';
import { type Head, type HeadRow, HEAD_COLUMNS, headOf, readHead } from './head.ts';
import { type Db, joinJson, jsonTexts, numberArray, type Sql, textArray } from './pool.ts';

export interface Wanted {
  readonly typeId: number;
  readonly id: string;
  /** The event of reading it (trail.ts), all but the version and the patients, which are its last members. */
  readonly event: string;
}

export interface Found {
  readonly head: Head;
  /** Absent where SQL doesn't tell whom the resource is about, where it is large, and where it is deleted: the event is the caller's to record. */
  readonly audited: Audited | undefined;
}

export interface ReadLane {
  /** The newest version of a resource, and its event, in one visit; undefined, and no event, where it never was. Rejects as the outbox does. */
  read(wanted: Wanted): Promise<Found | undefined>;
  /** Resolves when nothing waits any more. */
  drain(): Promise<void>;
}

const LANES = 2;
/** So many waiting reads begin a second statement beside one that is late; where every single one did, all took 1.15 times the CPU. */
const CROWD = 4;
/** Reads in one statement, whose answers are in memory together. */
const MAX_BATCH = 16;
const MAX_QUEUE = 20_000;
/** Larger ones are read by themselves: they would hold up the others. */
const MAX_BYTES = 65_536;

/**
 * Whom a resource `r` is about, as members of a JSON array, the same as patientsOf (audit/patients.ts); null where that takes more than a look
 * at the text: where it is escaped, or names a patient more than once or otherwise than as `"reference":"Patient/1"`. PostgreSQL's
 * regular expressions over a whole Observation take 125 us, this 15. `patient` is the parameter with the id of that type.
 */
const patientsIn = (patient: string): string => {
  const id = `split_part(split_part(r.body, 'Patient/', 2), '"', 1)`;
  return `case
  when r.body is null or octet_length(r.body) > ${MAX_BYTES} then null
  when strpos(r.body, '\\') > 0 and (strpos(r.body, '\\u') > 0 or strpos(r.body, '\\/') > 0) then null
  when strpos(r.body, 'Patient/') = 0 then case when r.type = ${patient} then '"Patient/' || r.id || '"' else '' end
  when r.type <> ${patient} and right(split_part(r.body, 'Patient/', 1), 13) = '"reference":"' and split_part(r.body, 'Patient/', 3) = ''
    and ${id} ~ '^[A-Za-z0-9.-]{1,64}$' then '"Patient/' || ${id} || '"'
  end`;
};

const READ = `with found as (
  select wanted.n::int as n, wanted.event, ${HEAD_COLUMNS}, octet_length(r.body) > ${MAX_BYTES} as "isLarge",
  case when octet_length(r.body) <= ${MAX_BYTES} then r.body end as body, ${patientsIn('$4::smallint')} as patients
  from unnest((select $1)::smallint[], (select $2)::text[], (select ${jsonTexts(3)})) with ordinality as wanted(type, id, event, n)
  join fhir.resource r using (type, id)),
recorded as (
  insert into audit.event (body)
  select event || ',"version":' || version || case patients when '' then '' else ',"patients":[' || patients || ']' end || '}'
  from found where patients is not null)
select n, rid, type, id, version, updated, body, "isLarge", patients is not null as audited from found`;

/** `isLarge` is null of what is deleted. */
type Row = HeadRow & { readonly n: number; readonly isLarge: boolean | null; readonly audited: boolean };

/**
 * Reads with their events, those that come together in one statement: what would be two visits to PostgreSQL one after the other, the second
 * with a commit, is one. `commits` is for that, `db` for large resources; `patientTypeId` is what the store has for Patient.
 */
export const createReadLane = (commits: Sql, db: Db, patientTypeId: number): ReadLane => {
  const flush = async (wanted: readonly Wanted[]): Promise<(Found | 'large' | undefined)[]> => {
    const parameters = [
      numberArray(wanted.map(({ typeId }) => typeId)),
      textArray(wanted.map(({ id }) => id)),
      joinJson(wanted.map(({ event }) => event.slice(0, -1))),
      patientTypeId,
    ];
    const found: (Found | 'large' | undefined)[] = wanted.map(() => undefined);
    const rows = commits.unsafe<Row[]>(READ, parameters, { prepare: true });
    // A statement is answered when it is committed (audit/verified-commit.ts).
    const durable = await Audited.after(rows);
    for (const row of await rows) {
      found[row.n - 1] = row.isLarge === true ? 'large' : { head: headOf(row), audited: row.audited ? durable : undefined };
    }
    return found;
  };
  const { submit, drain } = createGather<Wanted, Found | 'large' | undefined>({
    flush,
    lanes: LANES,
    crowd: CROWD,
    maxBatch: MAX_BATCH,
    maxQueue: MAX_QUEUE,
    tooMany: tooManyEvents,
  });
  return {
    read: async (wanted) => {
      const found = await submit(wanted);
      if (found !== 'large') return found;
      const head = await readHead(db, wanted.typeId, wanted.id);
      return head && { head, audited: undefined };
    },
    drain,
  };
};
