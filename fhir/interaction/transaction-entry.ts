import { FhirError } from '../http/outcome.ts';
import type { Entry } from './bundle.ts';

/** Names the entry in whatever is thrown for it. */
export const inEntry = <T>(entry: Pick<Entry, 'index'>, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw ofEntry(entry, error);
  }
};

export const inEntryAsync = async <T>(entry: Pick<Entry, 'index'>, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw ofEntry(entry, error);
  }
};

const ofEntry = ({ index }: Pick<Entry, 'index'>, error: unknown): unknown => {
  if (!(error instanceof FhirError)) return error;
  const at = `Bundle.entry[${index}]`;
  const issues = error.issues.map((issue) => ({
    ...issue,
    diagnostics: issue.diagnostics.startsWith(at) ? issue.diagnostics : `${at}: ${issue.diagnostics}`,
    expression: issue.expression?.startsWith(at) ? issue.expression : at,
  }));
  return new FhirError(error.kind, `${at}: ${error.message}`, { issues, cause: error });
};
