import { FhirError } from '../http/outcome.ts';
import type { Entry } from './bundle.ts';

/** Names the entry in whatever is thrown for it. */
export const inEntry = <T>({ index }: Pick<Entry, 'index'>, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const at = `Bundle.entry[${index}]`;
    const issues = error.issues.map((issue) => ({
      ...issue,
      diagnostics: `${at}: ${issue.diagnostics}`,
      expression: issue.expression?.startsWith(at) ? issue.expression : at,
    }));
    throw new FhirError(error.kind, `${at}: ${error.message}`, { issues, cause: error });
  }
};
