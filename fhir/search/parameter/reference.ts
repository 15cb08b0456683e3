/** Source: http://hl7.org/fhir/R4/search.html#reference */
import { FhirError } from '../../http/outcome.ts';
import { unescapeValue } from './escape.ts';
import type { ParameterType } from './parameter.ts';
import { startsWith } from './string.ts';
import { token } from './token.ts';
import { MAX_URI } from './uri.ts';

const VERSION = /\/_history\/[^/]+$/;
const NUMBERED = /\/_history\/([1-9]\d{0,8})$/;
const LOCAL = /^[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;
const ID = /^[A-Za-z0-9\-.]{1,64}$/;
const CANONICAL = new Set(['canonical', 'uri', 'url']);

/** One form for references to the same thing: relative where it lies on this server, without a version. */
export const canonicalReference = (reference: string, baseUrl: string): string => {
  const plain = reference.replace(VERSION, '');
  return plain.startsWith(`${baseUrl}/`) ? plain.slice(baseUrl.length + 1) : plain;
};

/** The version that a reference to a resource of this server names; undefined where it names none that there could be. */
export const versionOf = (reference: string): number | undefined => {
  const [, version] = NUMBERED.exec(reference) ?? [];
  return version === undefined ? undefined : Number(version);
};

/** The references that a written value can mean; an id alone is of any of the types, one of another type than the modifier says is none. Throws FhirError `value`. */
export const referencesOf = (
  written: string,
  { name, modifier, targets, baseUrl }: { name: string; modifier: string | undefined; targets: readonly string[]; baseUrl: string },
): string[] => {
  const text = unescapeValue(written);
  if (text === '')
    throw new FhirError('value', `${name} has no value: write Type/id, id, or an absolute address`, { expression: `http.${name}` });
  if (!ID.test(text)) {
    const reference = canonicalReference(text, baseUrl);
    const isOther = modifier !== undefined && LOCAL.test(reference) && !reference.startsWith(`${modifier}/`);
    return isOther ? [] : [reference];
  }
  const types = modifier === undefined ? targets : [modifier];
  if (types.length === 0)
    throw new FhirError('value', `${name}=${text}: say of which type, as in Patient/${text}`, { expression: `http.${name}` });
  return types.map((type) => `${type}/${text}`);
};

/** A resource within another one, which is no reference to the one that stands alone: that may be deleted, and isn't included. */
const copyOf = (reference: string): string => `#${reference}`;

/** `baseUrl` makes absolute addresses of this server relative. */
export const createReference = (baseUrl: string): ParameterType => ({
  table: 'ref',
  datatypes: new Set(['Reference', 'canonical', 'uri', 'url', 'Resource']),
  modifiers: ['missing', 'identifier', 'above', 'below'],
  lanes: (fhirType) => (fhirType === 'Reference' ? { identifier: 'token' } : CANONICAL.has(fhirType) ? { canonical: 'uri' } : {}),
  extract: (value, fhirType, add, addTo) => {
    if (fhirType === 'Reference') {
      const { reference, identifier } = value as { reference?: unknown; identifier?: unknown };
      if (typeof reference === 'string' && reference !== '' && !reference.startsWith('#')) add(canonicalReference(reference, baseUrl));
      if (identifier !== undefined && identifier !== null)
        token.extract(
          identifier,
          'Identifier',
          (...columns) => addTo('identifier', ...columns),
          () => undefined,
        );
    } else if (typeof value === 'string') {
      const local = canonicalReference(value, baseUrl);
      add(local);
      const [withoutVersion] = value.split('|', 1);
      if (withoutVersion !== undefined && withoutVersion !== value) add(withoutVersion);
      addTo('canonical', value.slice(0, MAX_URI));
    } else {
      const { resourceType, id } = value as { readonly resourceType?: unknown; readonly id?: unknown };
      if (typeof resourceType === 'string' && typeof id === 'string') add(copyOf(`${resourceType}/${id}`));
    }
  },
  condition: (written, context) => {
    const { name, modifier, value, datatypes } = context;
    if (modifier === 'identifier')
      return token
        .condition(written, { ...context, modifier: undefined, datatypes: ['Identifier'] })
        .map(({ sql }) => ({ lane: 'identifier', sql }));
    if (modifier === 'below') {
      // Hierarchies of resources are looked up elsewhere (hierarchy.ts): here it is a canonical address, with the beginning of a version or of any.
      const text = unescapeValue(written).slice(0, MAX_URI);
      if (!datatypes.some((type) => CANONICAL.has(type)))
        throw new FhirError('value', `${name}: no canonical address is there, of which this could be a version`, {
          expression: `http.${name}`,
        });
      const versions = startsWith(text.includes('|') ? text : `${text}|`, value);
      return [{ lane: 'canonical', sql: text.includes('|') ? versions : `(t.value = ${value(text)} or (${versions}))` }];
    }
    const references = referencesOf(written, context);
    // One with a version is stored under the address without it too, as that is written.
    const address = unescapeValue(written);
    if (datatypes.some((type) => CANONICAL.has(type)) && address.startsWith(`${context.baseUrl}/`)) references.push(address);
    if (datatypes.includes('Resource')) references.push(...references.map(copyOf));
    const hashes = references.map((reference) => `hashtextextended(${value(reference)}, 0)`);
    if (hashes.length === 0) return [{ sql: 'false' }];
    return [{ sql: hashes.length === 1 ? `t.target = ${hashes[0]}` : `t.target in (${hashes.join(', ')})` }];
  },
});

export const isLocalReference = (reference: string): boolean => LOCAL.test(reference);
