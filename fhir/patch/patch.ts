/** Changes to a resource, sent instead of the whole of it. Source: http://hl7.org/fhir/R4/http.html#patch */
import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import type { EditableJson } from '../json/editable.ts';

export interface PatchLimits {
  readonly registry: Registry;
  /** Bytes that a resource may have. */
  readonly resourceBytes: number;
  /**
   * Throws 403 unless the caller may read what is patched. To be asked for each operation whose outcome tells what is stored: `what` says how.
   */
  readonly requireRead: (at: string, what: string) => void;
  /**
   * What an address that a patch brings stands for, by the name of its element (`div`: a link in a narrative); undefined: for itself. An XML
   * Patch asks for all of them, the others for a string that is the whole of what an operation brings, or an item of it: what is within objects is
   * replaced in their text before it is read.
   */
  readonly resolveAddress?: ((element: string, address: string) => string | undefined) | undefined;
}

/** A patch that was understood; it changes `document` in place, or throws 422 naming the operation. */
export type Patch = (document: EditableJson) => void;

export const MAX_OPERATIONS = 1000;

/** Counts what the operations of one patch copy and compare, so that a small patch can't make a large resource or much work. */
export const createBudget = (limit: number): ((text: string) => string) => {
  let spent = 0;
  return (text) => {
    spent += text.length;
    if (spent > limit)
      throw new FhirError('too-costly', `the patch copies or compares more than ${limit} characters: send the resource by PUT`);
    return text;
  };
};

/** Says in which operation something can't be done. */
export const cannot = (at: string, why: string): FhirError => new FhirError('unprocessable', `${at}: ${why}`, { expression: at });
