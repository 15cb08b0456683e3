import { FhirError } from '../http/outcome.ts';
import type { Access, Coding, Terminology } from './terminology.ts';

/** What a search asks; each call names the parameter, for errors. */
export interface SearchTerminology {
  /** The codes of a value set, by its canonical address or as ValueSet/<id>. */
  expand(url: string, name: string): Promise<readonly Coding[]>;
  /** The code itself and all above or below it in its code system. */
  related(code: Coding, direction: 'above' | 'below', name: string): Promise<readonly Coding[]>;
}

const naming = async <T>(name: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof FhirError)) throw error;
    const diagnostics = `${name}: ${error.message}`;
    // To a search it is a value that can't be used, whatever keeps it from being used.
    const kind = error.kind === 'unprocessable' ? 'value' : error.kind;
    throw new FhirError(kind, diagnostics, { expression: `http.${name}`, cause: error });
  }
};

/** `:in`, `:not-in`, `:above` and `:below` by this terminology, for one caller. */
export const terminologyForSearch = (terminology: Terminology, access: Access): SearchTerminology => ({
  expand: (url, name) => naming(name, terminology.expand(access, url)),
  related: (code, direction, name) => naming(name, terminology.related(access, code, direction)),
});
