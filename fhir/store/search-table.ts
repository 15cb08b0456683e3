import { numberArray, textArray } from './pool.ts';

/**
 * The search tables and how one column of a row batch becomes SQL. Hashes are made by Postgres, so that JavaScript never holds a
 * 64-bit number and both sides of a comparison use one function.
 */
interface Column {
  /** Column of the table, and of the batch in fhir/search/index-rows.ts. */
  readonly name: string;
  readonly array: 'smallint' | 'integer' | 'bigint' | 'text' | 'double precision';
  /** SQL of the stored value, from the batch's value `v`. */
  readonly stored?: (v: string) => string;
  readonly nullable?: true;
}

const hash64 = (v: string): string => `hashtextextended(${v}, 0)`;
const hash32 = (v: string): string => `hashtext(${v})`;
/** Distinct words, with spaces between them. */
const words = (v: string): string => `array_to_tsvector(string_to_array(${v}, ' '))`;
const KEY: Column = { name: 'key', array: 'smallint' };

export const SEARCH_TABLES = {
  token: [KEY, { name: 'code', array: 'text', stored: hash64 }, { name: 'system', array: 'text', stored: hash32, nullable: true }],
  string: [KEY, { name: 'value', array: 'text' }, { name: 'exact', array: 'text', stored: hash64 }],
  date: [KEY, { name: 'lo', array: 'bigint' }, { name: 'hi', array: 'bigint' }],
  number: [KEY, { name: 'lo', array: 'double precision' }, { name: 'hi', array: 'double precision' }],
  quantity: [
    KEY,
    { name: 'unit', array: 'text', stored: hash64, nullable: true },
    { name: 'system', array: 'text', stored: hash32, nullable: true },
    { name: 'lo', array: 'double precision' },
    { name: 'hi', array: 'double precision' },
  ],
  ref: [KEY, { name: 'target', array: 'text', stored: hash64 }],
  uri: [KEY, { name: 'value', array: 'text' }],
  text: [KEY, { name: 'value', array: 'text' }],
  composite: [
    KEY,
    { name: 'code', array: 'text', stored: hash64 },
    { name: 'system', array: 'text', stored: hash32, nullable: true },
    { name: 'code2', array: 'text', stored: hash64, nullable: true },
    { name: 'system2', array: 'text', stored: hash32, nullable: true },
    { name: 'lo', array: 'double precision', nullable: true },
    { name: 'hi', array: 'double precision', nullable: true },
    { name: 'lo2', array: 'double precision', nullable: true },
    { name: 'hi2', array: 'double precision', nullable: true },
    { name: 'value', array: 'text', nullable: true },
  ],
  content: [
    { name: 'content', array: 'text', stored: words },
    { name: 'narrative', array: 'text', stored: words, nullable: true },
  ],
  position: [
    { name: 'latitude', array: 'double precision' },
    { name: 'longitude', array: 'double precision' },
  ],
  patient_code: [
    { name: 'patient', array: 'text', stored: hash64 },
    { name: 'code', array: 'text', stored: hash64 },
    { name: 'system', array: 'text', stored: hash32, nullable: true },
    { name: 'lo', array: 'bigint' },
  ],
  contained: [
    { name: 'container', array: 'bigint' },
    { name: 'version', array: 'integer' },
    { name: 'place', array: 'smallint' },
    { name: 'id', array: 'text' },
  ],
} as const satisfies Record<string, readonly Column[]>;

export type SearchTable = keyof typeof SEARCH_TABLES;
export const SEARCH_TABLE_NAMES = Object.keys(SEARCH_TABLES) as SearchTable[];

/** Whether rows say by a key what they are values of; in the other tables all rows are of one parameter. */
export const isKeyed = (table: SearchTable): boolean => SEARCH_TABLES[table][0].name === 'key';

/** One search row: the values of the table's columns in order. */
export type SearchRow = readonly (string | number | null)[];
/** The search rows of one resource. */
export type SearchRows = Readonly<Record<SearchTable, readonly SearchRow[]>>;
/** The search rows of a resource that another one contains, under a key of its own. */
export interface ContainedRows {
  readonly rid: number;
  readonly rows: SearchRows;
}

/** Column-wise batch of rows of one table, with the resource key of each. */
export interface SearchBatch {
  readonly rid: number[];
  readonly columns: (string | number | null)[][];
}

export const emptyBatch = (table: SearchTable): SearchBatch => ({ rid: [], columns: SEARCH_TABLES[table].map(() => []) });

/** The batch as array literals, in the order in which {@link insertSql} and {@link deleteSql} number their parameters. */
export const batchParameters = (table: SearchTable, batch: SearchBatch): string[] => [
  numberArray(batch.rid),
  ...SEARCH_TABLES[table].map((column: Column, i) =>
    column.array === 'text' ? textArray(batch.columns[i] as (string | null)[]) : numberArray(batch.columns[i] as (number | null)[]),
  ),
];

const source = (table: SearchTable, first: number): string => {
  const columns: readonly Column[] = SEARCH_TABLES[table];
  const arrays = columns.map((column, i) => `$${first + 1 + i}::${column.array}[]`);
  return `unnest($${first}::bigint[], ${arrays.join(', ')}) as i(rid, ${columns.map((column) => column.name).join(', ')})`;
};
const stored = (column: Column): string => (column.stored ? column.stored(`i.${column.name}`) : `i.${column.name}`);

/** Inserts a batch; parameters start at `$first`. */
export const insertSql = (table: SearchTable, first: number): string => {
  const columns: readonly Column[] = SEARCH_TABLES[table];
  return `insert into fhir.sp_${table} (${columns.map((column) => column.name).join(', ')}, rid)
    select ${columns.map(stored).join(', ')}, i.rid from ${source(table, first)}`;
};

const sameRow = (alias: string, table: SearchTable): string => {
  const columns: readonly Column[] = SEARCH_TABLES[table];
  const same = columns.map((column) =>
    column.nullable ? `${alias}.${column.name} is not distinct from ${stored(column)}` : `${alias}.${column.name} = ${stored(column)}`,
  );
  return `${alias}.rid = i.rid and ${same.join(' and ')}`;
};

/** Deletes a batch by full key; parameters start at `$first`. */
export const deleteSql = (table: SearchTable, first: number): string =>
  `delete from fhir.sp_${table} t using ${source(table, first)} where ${sameRow('t', table)}`;

/** Deletes what is there more than once of a batch; parameters start at `$first`. */
export const deleteDoublesSql = (table: SearchTable, first: number): string =>
  `delete from fhir.sp_${table} t using ${source(table, first)} where ${sameRow('t', table)}
    and t.ctid <> (select min(u.ctid) from fhir.sp_${table} u where ${sameRow('u', table)})`;
