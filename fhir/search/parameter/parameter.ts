import type { SearchRow, SearchTable } from '../../store/search-table.ts';

/** Takes the columns of a row after its key. */
export type AddRow = (...columns: SearchRow) => void;

/** Rows beside a parameter's own, under an index key of their own: what a modifier or a unit looks for. */
export type Lane = 'ucum' | 'identifier' | 'of-type' | 'text' | 'canonical' | 'whole' | 'media-type';
export type AddToLane = (lane: Lane, ...columns: SearchRow) => void;

/** Values and fragments of one statement: `value` numbers a parameter and returns its `$n`. */
export interface SqlValues {
  value(given: string | number): string;
}

/** SQL that is true for a row (its alias is `t`) of the parameter's own rows, or of one of its lanes. */
export interface RowTest {
  readonly lane?: Lane;
  readonly sql: string;
}

/** How one type of search parameter is stored and searched; each in a file of its own. */
export interface ParameterType {
  readonly table: SearchTable;
  /** FHIR types of a path's result that this type of parameter can index. */
  readonly datatypes: ReadonlySet<string>;
  /** What :missing, :not and so on may be added to a name; types of resources aside. */
  readonly modifiers: readonly string[];
  /** The lanes that values of a FHIR type have rows in, and their tables. */
  lanes?(fhirType: string): Readonly<Partial<Record<Lane, SearchTable>>>;
  /** What a path may lead on to for datatypes made of parts: names of elements, empty for the value itself. */
  parts?(fhirType: string): readonly string[];
  extract(value: unknown, fhirType: string, add: AddRow, addTo: AddToLane): void;
  /**
   * The rows that match one value: any of the tests; the index key is tested by the caller.
   * Throws FhirError `value` where the text is no value of this type.
   */
  condition(text: string, context: ConditionContext): readonly RowTest[];
}

export interface ConditionContext extends SqlValues {
  /** A condition that the alias's key is one of the parameter's own, or of a lane of it. */
  keys(lane: Lane | undefined, alias: string): string;
  /** The parameter's name as the client wrote it, for errors. */
  readonly name: string;
  readonly modifier: string | undefined;
  /** Of the parameter's paths. */
  readonly datatypes: readonly string[];
  /** What codes without a system are of, as far as that is known. */
  readonly systems?: ReadonlySet<string> | undefined;
  /** Resource types that a reference may point to. */
  readonly targets: readonly string[];
  readonly baseUrl: string;
}
