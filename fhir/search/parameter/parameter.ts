import type { SearchRow, SearchTable } from '../../store/search-table.ts';

/** Takes the columns of a row after its key. */
export type AddRow = (...columns: SearchRow) => void;

/** Values and fragments of one statement: `value` numbers a parameter and returns its `$n`. */
export interface SqlValues {
  value(given: string | number): string;
}

/** How one type of search parameter is stored and searched; each in a file of its own. */
export interface ParameterType {
  readonly table: SearchTable;
  /** FHIR types of a path's result that this type of parameter can index. */
  readonly datatypes: ReadonlySet<string>;
  /** What a path may lead on to for datatypes made of parts: names of elements, empty for the value itself. */
  parts?(fhirType: string): readonly string[];
  extract(value: unknown, fhirType: string, add: AddRow): void;
  /**
   * SQL that is true for a row of the table (its alias is `t`) that matches one value; the key is tested by the caller.
   * Throws FhirError `value` where the text is no value of this type.
   */
  condition(text: string, context: ConditionContext): string;
}

export interface ConditionContext extends SqlValues {
  /** The parameter's name as the client wrote it, for errors. */
  readonly name: string;
  readonly modifier: string | undefined;
  /** Of the parameter's paths. */
  readonly datatypes: readonly string[];
  /** Resource types that a reference may point to. */
  readonly targets: readonly string[];
  readonly baseUrl: string;
}
