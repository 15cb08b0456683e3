/** Source: http://hl7.org/fhir/R4/search.html#reference */
import { FhirError } from '../../http/outcome.ts';
import { unescapeValue } from './escape.ts';
import type { ParameterType } from './parameter.ts';

const VERSION = /\/_history\/[^/]+$/;
const LOCAL = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;

/** One form for references to the same thing: relative where it lies on this server, without a version. */
export const canonicalReference = (reference: string, baseUrl: string): string => {
  const plain = reference.replace(VERSION, '');
  return plain.startsWith(`${baseUrl}/`) ? plain.slice(baseUrl.length + 1) : plain;
};

/** `baseUrl` makes absolute addresses of this server relative. */
export const createReference = (baseUrl: string): ParameterType => ({
  table: 'ref',
  datatypes: new Set(['Reference', 'canonical', 'uri', 'url', 'Resource']),
  extract: (value, fhirType, add) => {
    if (fhirType === 'Reference') {
      const { reference } = value as { reference?: unknown };
      if (typeof reference === 'string' && reference !== '' && !reference.startsWith('#')) add(canonicalReference(reference, baseUrl));
    } else if (typeof value === 'string') {
      add(value);
      const [withoutVersion] = value.split('|', 1);
      if (withoutVersion !== undefined && withoutVersion !== value) add(withoutVersion);
    }
  },
  condition: (written, { name, modifier, value, targets }) => {
    const text = unescapeValue(written);
    const hash = (reference: string): string => `hashtextextended(${value(reference)}, 0)`;
    if (text === '')
      throw new FhirError('value', `${name} has no value: write Type/id, id, or an absolute address`, { expression: `http.${name}` });
    if (modifier !== undefined) return `t.target = ${hash(ID.test(text) ? `${modifier}/${text}` : canonicalReference(text, baseUrl))}`;
    if (!ID.test(text)) return `t.target = ${hash(canonicalReference(text, baseUrl))}`;
    // An id alone: of any type that the parameter may point to.
    if (targets.length === 0)
      throw new FhirError('value', `${name}=${text}: say of which type, as in Patient/${text}`, { expression: `http.${name}` });
    const hashes = targets.map((type) => hash(`${type}/${text}`));
    return hashes.length === 1 ? `t.target = ${hashes[0]}` : `t.target in (${hashes.join(', ')})`;
  },
});

export const isLocalReference = (reference: string): boolean => LOCAL.test(reference);
