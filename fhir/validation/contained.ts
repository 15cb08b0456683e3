/** The rules between a resource and those that it contains. Source: http://hl7.org/fhir/R4/domainresource.html (dom-2 to dom-5, ref-1) */
import type { Registry } from '../definitions/registry.ts';
import { isObject, type Json } from '../json/value.ts';
import { type Findings } from './findings.ts';

/** Checks a resource that the walk has gone through: `findings.fragments` are the local references that it met. */
export const checkContained = (resource: Json, findings: Findings, { isResourceType }: Pick<Registry, 'isResourceType'>): void => {
  const contained = Array.isArray(resource['contained']) ? resource['contained'] : [];
  const ids = new Set<string>();
  const types = new Map<unknown, unknown>();
  for (const [i, each] of contained.entries()) {
    if (!isObject(each)) continue;
    types.set(each['id'], each['resourceType']);
    findings.path.push('contained', i);
    checkOne(each, { i, ids, findings });
    findings.path.length -= 2;
  }
  for (const { fragment, at, targets } of findings.narrow) {
    const type = types.get(fragment.slice(1));
    // What is no type at all has been told already.
    if (typeof type === 'string' && isResourceType(type) && !targets.includes(type))
      findings.reportAt(at, 'error', 'value', `a reference to ${type} isn't allowed here: it is to ${targets.join(' or ')}`);
  }
  for (const [fragment, at] of findings.fragments ?? []) {
    if (at !== undefined && fragment !== '#' && !ids.has(fragment.slice(1)))
      findings.reportAt(at, 'error', 'value', `${fragment.slice(0, 66)} is no contained resource (ref-1): contain it, or refer to Type/id`);
  }
};

const checkOne = (
  each: Json,
  { i, ids, findings }: { readonly i: number; readonly ids: Set<string>; readonly findings: Findings },
): void => {
  const { id, meta } = each;
  if (each['contained'] !== undefined)
    findings.add('invariant', 'a contained resource contains no other (dom-2): move it to the container', 'contained');
  if (typeof id !== 'string') findings.add('invariant', 'a contained resource needs an id to be referred to (dom-3)');
  else {
    if (ids.has(id)) findings.add('invariant', `another contained resource has the id ${id.slice(0, 64)} already: give each its own`, 'id');
    ids.add(id);
    if (findings.fragments?.has(`#${id}`) !== true && !findings.toContainer.has(i))
      findings.add('invariant', `nothing refers to #${id.slice(0, 64)} (dom-3): refer to it, or leave it out`);
  }
  if (!isObject(meta)) return;
  if (meta['versionId'] !== undefined || meta['lastUpdated'] !== undefined)
    findings.add('invariant', 'a contained resource has no version of its own (dom-4): leave out versionId and lastUpdated', 'meta');
  if (meta['security'] !== undefined)
    findings.add('invariant', 'security labels stand at the container (dom-5): move them to its meta', 'meta');
};
