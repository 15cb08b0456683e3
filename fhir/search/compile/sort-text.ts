/** What a resource sorts by where the search tables hold only a hash of it: the text itself, from the resource. */
import type { SearchTable } from '../../store/search-table.ts';
import type { SortKey, SortParameter } from '../request.ts';
import type { Builder } from './builder.ts';

const FROM_TEXT: ReadonlySet<SearchTable> = new Set(['token', 'ref', 'uri'] as const);

/** Whether the sort value comes from the resource `j`, as {@link resourceJoin} brings it. */
export const isFromText = ({ indexed }: Pick<SortKey, 'indexed'>): boolean =>
  indexed !== undefined && FROM_TEXT.has(indexed[0]!.parameterType.table);

/**
 * Reads each resource `d.rid` once, whatever the number of sort keys (`offset 0` keeps the planner from repeating it). `careful`: what
 * PostgreSQL can't read, such as a number of 20 000 digits, has no value to sort by. Else it ends the statement, which costs less: 20 000
 * Observations sort by their code in 0.35 s, and in 0.6 s with care (by their date, which has an index, in 0.08 s).
 */
export const resourceJoin = (careful: boolean): string => {
  const body = careful ? 'fhir.jsonb_or_null(r.body)' : 'r.body::jsonb';
  return `join lateral (select r.type, ${body} as body from fhir.resource r where r.rid = d.rid offset 0) j on true`;
};

/** In characters: what a link to the next page has room for. */
const MAX_LENGTH = 256;
/** Between a code and its system: below every character that either can hold. */
const SEPARATOR = `E'\\x01'`;

interface Text {
  /** What the path goes on with to come to single values `v.e`. */
  readonly more?: string;
  readonly sql: string;
}

const member = (name: string): string => `v.e->>'${name}'`;
const withSystem = (code: string): string => `${member(code)} || ${SEPARATOR} || coalesce(${member('system')}, '')`;
const ITSELF = `case when jsonb_typeof(v.e) <> 'object' then v.e #>> '{}' end`;

const TOKENS: Readonly<Record<string, Text>> = {
  Coding: { sql: withSystem('code') },
  CodeableConcept: { more: '."coding"[*]', sql: withSystem('code') },
  Identifier: { sql: withSystem('value') },
  ContactPoint: { sql: member('value') },
  Money: { sql: member('currency') },
};

/** A reference as in fhir/search/parameter/reference.ts: relative where it lies on this server, without a version, nothing contained. */
const referenceText = (written: string, b: Builder): string => {
  const base = `${b.value(`${b.baseUrl}/`)}::text`;
  const plain = `regexp_replace(${written}, '/_history/[^/]+$', '')`;
  return `case when starts_with(${written}, '#') then null when starts_with(${plain}, ${base}) then substr(${plain}, length(${base}) + 1) else ${plain} end`;
};

const textOf = (fhirType: string, table: SearchTable, b: Builder): Text => {
  if (table === 'token') return TOKENS[fhirType] ?? { sql: ITSELF };
  if (table === 'uri') return { sql: ITSELF };
  return { sql: referenceText(fhirType === 'Reference' ? member('reference') : `(${ITSELF})`, b) };
};

/** SQL of the smallest or largest text of `j.body`; null where it has none. */
export const sortText = (b: Builder, { descending, indexed }: SortKey): string => {
  const ofTypes = indexed!.map((each) => ({ type: each.type, sql: ofType(b, each, descending) }));
  if (ofTypes.length === 1) return ofTypes[0]!.sql;
  return `case j.type ${ofTypes.map(({ type, sql }) => `when ${b.typeId(type)} then ${sql}`).join(' ')} end`;
};

const ofType = (b: Builder, { parameterType: { table, datatypes }, paths }: SortParameter, descending: boolean): string => {
  const found = paths
    .flatMap(({ jsonPaths }) => jsonPaths?.() ?? [])
    .filter(({ fhirType }) => datatypes.has(fhirType))
    .map(({ path, fhirType }) => {
      const { more = '', sql } = textOf(fhirType, table, b);
      return `select left(${sql}, ${MAX_LENGTH}) collate "C" from jsonb_path_query(j.body, ${b.value(path + more)}::jsonpath) v(e)`;
    });
  return found.length === 0 ? 'null::text' : `(select ${descending ? 'max' : 'min'}(x.k) from (${found.join(' union all ')}) x(k))`;
};
