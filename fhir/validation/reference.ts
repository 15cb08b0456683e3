/** What a Reference says by itself, before anything is looked up. Source: http://hl7.org/fhir/R4/references.html#literal */
import type { Registry } from '../definitions/registry.ts';
import { isObject } from '../json/value.ts';
import { type Check, shown } from './findings.ts';

const RELATIVE = /^([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
const ABSOLUTE = /^https?:\/\/.+\/([A-Z][A-Za-z]+)\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;
/** Understood within a transaction only. */
const CONDITIONAL = /^([A-Z][A-Za-z]+)\?.+$/s;
const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/;
/** Whether a text begins as an absolute URI does. */
export const isAbsolute = (uri: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri);
const CANONICAL = 'http://hl7.org/fhir/StructureDefinition/';

/** The type that a reference names by its form, undefined where it is none that names one. */
export const referencedType = (reference: string): string | undefined =>
  (RELATIVE.exec(reference) ?? ABSOLUTE.exec(reference) ?? CONDITIONAL.exec(reference))?.[1];

/** `targets` are the resource types that it may point to; empty: any. */
export const compileReference = (registry: Registry, targets: readonly string[]): Check => {
  const allowed = new Set(targets);
  const isAllowed = (type: string): boolean => allowed.size === 0 || allowed.has(type);
  return (value, findings) => {
    if (!isObject(value)) return;
    const { reference, type } = value;
    let named: string | undefined;
    if (typeof reference === 'string') {
      if (reference.charCodeAt(0) === 35) findings.fragment(reference, true, allowed.has('Resource') ? [] : targets);
      else {
        named = referencedType(reference);
        if (named === undefined && !SCHEME.test(reference)) {
          findings.add('value', `${shown(reference)} should be Type/id, #id of a contained resource, or an absolute URI`, 'reference');
        } else if (named !== undefined && !registry.isResourceType(named)) {
          // An absolute address may be that of something other than a FHIR resource; a condition is judged by the transaction.
          if (!reference.startsWith('http') && !reference.includes('?'))
            findings.add('value', `${named} is no R4 resource type`, 'reference');
          named = undefined;
        }
      }
    }
    if (named !== undefined && !isAllowed(named)) {
      findings.add('value', `a reference to ${named} isn't allowed here: it is to ${targets.join(' or ')}`);
    }
    if (typeof type !== 'string') return;
    const stated = type.startsWith(CANONICAL) ? type.slice(CANONICAL.length) : type;
    if (named !== undefined && stated !== named) {
      findings.add('value', `the type is ${shown(type)}, but the reference is to ${named}: they must be the same`, 'type');
    } else if (named === undefined && registry.isResourceType(stated) && !isAllowed(stated)) {
      findings.add('value', `a reference to ${stated} isn't allowed here: it is to ${targets.join(' or ')}`, 'type');
    } else if (!registry.isResourceType(stated) && !SCHEME.test(type)) {
      findings.add('value', `${shown(type)} is no R4 resource type`, 'type');
    }
  };
};
