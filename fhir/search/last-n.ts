/** The newest Observations of each code. Source: http://hl7.org/fhir/R4/observation-operation-lastn.html */
import { FhirError, type Issue } from '../http/outcome.ts';
import { HEAD_COLUMNS, type HeadRow } from '../store/head.ts';
import { bytesBefore, MAX_PAGE_BYTES } from '../store/page-bytes.ts';
import { type Db, numberArray } from '../store/pool.ts';
import { type CompileContext, createBuilder } from './compile/builder.ts';
import { partsOf } from './compile/matches.ts';
import { leftOut } from './controls.ts';
import { decodeQuery } from './parse.ts';
import { unknown } from './parsing.ts';
import type { Criterion, SearchRequest } from './request.ts';

/** Observations that are looked through, and that one answer has. */
const MAX_CANDIDATES = 20_000;
const MAX_SHOWN = 2000;
/** Codings of an Observation that it is grouped by. */
const MAX_CODINGS = 50;

/** There is one page of the newest, in one order. */
const NOT_HERE = new Set(['_count', '_sort', '_total', '_cursor', '_contained', '_containedType']);

/** The query without what means nothing here: refused, or left out with a warning each where the client wishes so. */
export const withoutPaging = (query: string, lenient: boolean): { readonly query: string; readonly warnings: readonly Issue[] } => {
  const warnings: Issue[] = [];
  const kept = decodeQuery(query).filter(([name, value]) => {
    if (!NOT_HERE.has(name) && !(name === '_summary' && value === 'count')) return true;
    const error = unknown(
      name,
      `$lastn has one page, of resources of their own, the newest first: leave ${name} out, and say by max how many of each code`,
    );
    if (!lenient) throw error;
    warnings.push(leftOut(error, name));
    return false;
  });
  return { query: kept.map((pair) => pair.map(encodeURIComponent).join('=')).join('&'), warnings };
};

const OF_WHOM = new Set(['patient', 'subject']);
const NO_ONE = new Set(['missing', 'not']);

const saysWhom = ({ test }: Criterion): boolean =>
  (test.kind === 'chain' || (test.kind === 'parameter' && !test.isUnequal && !NO_ONE.has(test.modifier ?? ''))) &&
  OF_WHOM.has(test.indexed.parameter.code);

/** Throws 400 where it isn't said whose Observations are meant: it would be everybody's. */
export const requireSubject = ({ branches }: SearchRequest): void => {
  if (branches.every(({ criteria }) => criteria.some(saysWhom))) return;
  throw new FhirError('invalid', 'say whose Observations: give patient or subject, as in patient=Patient/123', {
    expression: 'http.patient',
  });
};

/** One Observation: when it was (milliseconds), and what it is of. */
export interface Candidate {
  readonly rid: number;
  readonly at: number | null;
  /** A hash of each coding, with spaces between them; empty where there is none. */
  readonly codings: string;
  /** A hash of the text; null where there is none. */
  readonly text: string | null;
}

const hash = (sql: string): string => `hashtextextended(${sql}, 0)::text`;

/** Throws 413 where there are more than can be looked through. */
export const readCandidates = async (db: Db, { branches }: SearchRequest, context: CompileContext): Promise<readonly Candidate[]> => {
  const b = createBuilder(context, partsOf);
  const date = b.keys(context.planOf('Observation').parameters.get('date')!.keys, 't');
  const coding = hash(`coalesce(v.e->>'system', '') || E'\\x01' || (v.e->>'code')`);
  const text = `select d.rid,
  (select max(t.hi) from fhir.sp_date t where t.rid = d.rid and ${date}) as at,
  (select coalesce(string_agg(x.coding, ' '), '') from (
    select ${coding} as coding from jsonb_path_query(j.code, '$."coding"[*]') v(e) where v.e->>'code' is not null limit ${MAX_CODINGS}) x) as codings,
  ${hash(`j.code->>'text'`)} as text
from (${b.matches(branches[0]!)} limit ${MAX_CANDIDATES + 1}) d
left join lateral (select fhir.jsonb_or_null(r.body)->'code' as code from fhir.resource r where r.rid = d.rid offset 0) j on true`;
  const rows = await db.unsafe<Candidate[]>(text, b.parameters, { prepare: true });
  if (rows.length > MAX_CANDIDATES)
    throw new FhirError('too-costly', `more than ${MAX_CANDIDATES} Observations match: narrow them by category, code or date`);
  return rows;
};

const newestFirst = (a: Candidate, b: Candidate): number => (b.at ?? -Infinity) - (a.at ?? -Infinity) || b.rid - a.rid;

/** What it is grouped by: its codings, else its text; all without either are one group. */
const keysOf = ({ codings, text }: Candidate): readonly string[] => (codings === '' ? [`text ${text}`] : codings.split(' '));

/**
 * Resource keys of the newest `max` of each group, group after group, the group with the newest first. Two Observations are of one group
 * where they share a coding, or each shares one with a third. Throws 413 where these are too many for an answer.
 */
export const newestOfEach = (candidates: readonly Candidate[], max: number): readonly number[] => {
  const parent = new Map<string, string>();
  const root = (key: string): string => {
    let top = key;
    for (let next = parent.get(top); next !== undefined && next !== top; next = parent.get(top)) top = next;
    // What was walked through points to the top from now on.
    for (let each = key; each !== top;) {
      const next = parent.get(each)!;
      parent.set(each, top);
      each = next;
    }
    return top;
  };
  for (const candidate of candidates) {
    const [first, ...others] = keysOf(candidate);
    const top = root(first!);
    parent.set(top, top);
    for (const other of others) parent.set(root(other), top);
  }
  const groups = new Map<string, number[]>();
  for (const candidate of candidates.toSorted(newestFirst)) {
    const key = root(keysOf(candidate)[0]!);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [candidate.rid]);
    else if (group.length < max) group.push(candidate.rid);
  }
  const chosen = [...groups.values()].flat();
  if (chosen.length > MAX_SHOWN)
    throw new FhirError(
      'too-costly',
      `these are ${chosen.length} Observations, and ${MAX_SHOWN} are the most: narrow them by max, category, code or date`,
    );
  return chosen;
};

interface Row extends HeadRow {
  readonly isCut: boolean;
}

const isCut = `${bytesBefore('r.body', 'w.at')} >= ${MAX_PAGE_BYTES}`;
const BY_RID = `select ${HEAD_COLUMNS}, ${isCut} as "isCut", case when not (${isCut}) then r.body end as body
from unnest($1::bigint[]) with ordinality w(rid, at) join fhir.resource r on r.rid = w.rid where not r.deleted order by w.at`;

/** The resources in this order; throws 413 where they are larger than an answer. */
export const readChosen = async (db: Db, rids: readonly number[]): Promise<readonly HeadRow[]> => {
  if (rids.length === 0) return [];
  const rows = await db.unsafe<Row[]>(BY_RID, [numberArray([...rids])], { prepare: true });
  if (rows.some((row) => row.isCut))
    throw new FhirError('too-costly', 'these Observations are too large for one answer: narrow them by max, category, code or date');
  return rows;
};
