/** References between the entries of a transaction. Source: http://hl7.org/fhir/R4/http.html#trules, http://hl7.org/fhir/R4/bundle.html#references */
import { FhirError } from '../http/outcome.ts';

// Elements that may hold the address of another entry. A key and its value stand in a JSON text only outside of strings:
// inside one their quotes would be escaped.
const ADDRESS = /"(reference|url|uri|valueUri|valueUrl|valueCanonical)"(\s*:\s*)"((?:[^"\\]|\\.)*)"/g;
const CONDITIONAL = /^([A-Z][A-Za-z]+)\?(.+)$/s;
const RESTFUL = /^(https?:\/\/.+\/)[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

const decoded = (raw: string): string => (raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw);

export interface ConditionalReference {
  readonly type: string;
  readonly criteria: string;
}

const conditional = (reference: string): ConditionalReference | undefined => {
  const [, type, criteria] = CONDITIONAL.exec(reference) ?? [];
  return type === undefined || criteria === undefined ? undefined : { type, criteria };
};

/** The conditional references in a resource's text, by how they are written. */
export const conditionalReferences = (text: string): Map<string, ConditionalReference> => {
  const found = new Map<string, ConditionalReference>();
  for (const [, key, , raw] of text.matchAll(ADDRESS)) {
    const reference = key === 'reference' ? decoded(raw!) : '';
    const parsed = conditional(reference);
    if (parsed !== undefined) found.set(reference, parsed);
  }
  return found;
};

export interface Addresses {
  /** fullUrl, or conditional reference, → `Type/id`. */
  readonly resolved: ReadonlyMap<string, string>;
  /** Of the entry that holds the text. */
  readonly fullUrl: string | undefined;
}

/** The text with every address of an entry replaced by `Type/id`; throws 400 on a urn:uuid reference to no entry. */
export const resolveReferences = (text: string, { resolved, fullUrl }: Addresses): string => {
  const base = fullUrl === undefined ? undefined : RESTFUL.exec(fullUrl)?.[1];
  return text.replaceAll(ADDRESS, (whole, key: string, colon: string, raw: string) => {
    const address = decoded(raw);
    const target = resolved.get(address) ?? (base !== undefined && key === 'reference' ? resolved.get(base + address) : undefined);
    if (target !== undefined) return `"${key}"${colon}${JSON.stringify(target)}`;
    if (key === 'reference' && /^urn:(uuid|oid):/.test(address)) {
      throw new FhirError('value', `the reference ${address.slice(0, 60)} names no entry of this Bundle: give one that fullUrl`);
    }
    return whole;
  });
};
