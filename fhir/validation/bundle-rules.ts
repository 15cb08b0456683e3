/** What R4 says of Bundles in words; $validate alone tells of it. Source: http://hl7.org/fhir/R4/bundle.html, http://hl7.org/fhir/R4/documents.html */
import type { Registry } from '../definitions/registry.ts';
import { isObject, type Json } from '../json/value.ts';
import { type Findings, shown } from './findings.ts';
import { isAbsolute } from './reference.ts';

const RESTFUL = /^(https?:\/\/.+\/)([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})$/;
/** Of an entry without resource, of one that a server is yet to name, and of answers. */
const UNNAMED: ReadonlySet<unknown> = new Set(['batch', 'transaction', 'batch-response', 'transaction-response']);
/** Links of a page that lead to one place each. Source: http://hl7.org/fhir/R4/http.html#paging */
const SINGLE_LINKS: ReadonlySet<unknown> = new Set(['self', 'first', 'previous', 'prev', 'next', 'last']);

type Types = Pick<Registry, 'isResourceType'>;

const objects = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : []);

const checkEntry = (entry: Json, type: unknown, findings: Findings, { isResourceType }: Types): void => {
  const { fullUrl, resource } = entry;
  if (!isObject(resource)) return;
  const { resourceType, id } = resource;
  const isOutcome = resourceType === 'OperationOutcome';
  // What is found has been stored. Source: http://hl7.org/fhir/R4/valueset-search-entry-mode.html
  if (type === 'searchset' && id === undefined && !isOutcome) findings.add('required', 'what a search finds has an id', 'resource.id');
  if (isObject(entry['search']) && entry['search']['mode'] === 'outcome' && !isOutcome)
    findings.add('value', `an outcome is an OperationOutcome, not a ${String(resourceType).slice(0, 64)}`, 'search.mode');
  if (fullUrl === undefined) {
    // What an operation collects need not be identified, nor what is said of a search.
    if (!UNNAMED.has(type) && !isOutcome)
      findings.report(type === 'collection' ? 'warning' : 'error', 'required', 'the fullUrl says which resource it is: add it', 'fullUrl');
    return;
  }
  if (typeof fullUrl !== 'string') return;
  if (!isAbsolute(fullUrl)) {
    findings.add('value', `${shown(fullUrl)} should be an absolute URL, or urn:uuid: with a UUID`, 'fullUrl');
    return;
  }
  // One that names no type of FHIR is an address of another kind.
  const [, , namedType, namedId] = RESTFUL.exec(fullUrl) ?? [];
  if (id === undefined || namedType === undefined || !isResourceType(namedType)) return;
  if (namedId !== id || namedType !== resourceType)
    findings.add(
      'value',
      `${shown(fullUrl)} should end in /${String(resourceType)}/${shown(id).slice(1, -1)}, as the resource says`,
      'fullUrl',
    );
};

const checkLinks = (links: readonly Json[], findings: Findings): void => {
  const met = new Set<unknown>();
  for (const [i, { relation }] of links.entries()) {
    if (SINGLE_LINKS.has(relation) && met.has(relation))
      findings.add('structure', `there is a link ${String(relation)} already`, `link[${i}]`);
    met.add(relation);
  }
};

/** Where the Composition refers from itself, not from what it contains. */
const ownReferences = (value: unknown, found: string[]): string[] => {
  if (Array.isArray(value)) for (const each of value) ownReferences(each, found);
  else if (isObject(value)) {
    for (const [key, each] of Object.entries(value)) {
      if (key === 'contained' || key === 'extension' || key === 'relatesTo') continue;
      if (key === 'reference' && typeof each === 'string') found.push(each);
      else ownReferences(each, found);
    }
  }
  return found;
};

/** A document holds what its Composition refers to; that of another server by its whole address may be elsewhere. */
const checkDocument = (entries: readonly Json[], findings: Findings): void => {
  const composition = entries[0]?.['resource'];
  if (!isObject(composition) || composition['resourceType'] !== 'Composition') return;
  const there = new Set<string>();
  for (const { fullUrl, resource } of entries) {
    if (typeof fullUrl === 'string') {
      there.add(fullUrl);
      const [, , type, id] = RESTFUL.exec(fullUrl) ?? [];
      if (type !== undefined) there.add(`${type}/${id}`);
    }
    if (isObject(resource)) there.add(`${String(resource['resourceType'])}/${String(resource['id'])}`);
  }
  for (const reference of new Set(ownReferences(composition, []))) {
    if (reference.startsWith('#') || there.has(reference.replace(/\/_history\/[^/]*$/, ''))) continue;
    findings.add('not-found', `${shown(reference)} is no entry of the document, though the Composition refers to it`, 'entry[0].resource');
  }
};

/** Checks a Bundle of valid structure. */
export const checkBundle = (bundle: Json, findings: Findings, types: Types): void => {
  const { type } = bundle;
  const entries = objects(bundle['entry']);
  checkLinks(objects(bundle['link']), findings);
  for (const [i, entry] of entries.entries()) {
    findings.path.push('entry', i);
    checkEntry(entry, type, findings, types);
    findings.path.length -= 2;
  }
  if (type === 'document') checkDocument(entries, findings);
};
