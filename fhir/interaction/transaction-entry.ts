import { FhirError } from '../http/outcome.ts';
import type { Entry } from './bundle.ts';
import type { Prepared } from './prepare.ts';
import type { ConditionalReference } from './references.ts';

/** A writing entry, as far as it can be worked out before the database is asked. */
export interface PreparedEntry {
  readonly entry: Entry;
  readonly type: string;
  /** Absent on delete and patch. */
  readonly prepared: Prepared | undefined;
  /** From the address, or new; what a match of `criteria` has instead wins. */
  readonly id: string;
  /** Number for a new resource key. */
  readonly n: number;
  /** Of a conditional interaction. */
  readonly criteria: ConditionalReference | undefined;
  readonly references: ReadonlyMap<string, ConditionalReference>;
  /** Something in it may be a reference to a version. */
  readonly namesVersion: boolean;
}

/** Names the entry in whatever is thrown for it. */
export const inEntry = <T>(entry: Pick<Entry, 'index' | 'target'>, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw ofEntry(entry, error);
  }
};

export const inEntryAsync = async <T>(entry: Pick<Entry, 'index' | 'target'>, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw ofEntry(entry, error);
  }
};

const ofEntry = ({ index, target }: Pick<Entry, 'index' | 'target'>, error: unknown): unknown => {
  if (!(error instanceof FhirError)) return error;
  const at = `Bundle.entry[${index}]`;
  const issues = error.issues.map((issue) => ({
    ...issue,
    diagnostics: issue.diagnostics.startsWith(at) ? issue.diagnostics : `${at}: ${issue.diagnostics}`,
    expression: issue.expression?.startsWith(at) ? issue.expression : at,
  }));
  return new FhirError(error.kind, `${at}: ${error.message}`, { issues, target, cause: error });
};
