/** What a document is made of. Source: http://hl7.org/fhir/R4/documents.html */
import { isObject } from '../json/value.ts';

export interface Referenced {
  readonly reference: string;
  /** Its element, as in `Composition.section[0].entry[1]`. */
  readonly at: string;
  /** Of a section's content: what it refers to belongs to the document too. */
  readonly isEntry: boolean;
}

type Resource = Readonly<Record<string, unknown>>;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value]);

const at = (parent: Resource, name: string, path: string, isEntry: boolean = false): Referenced[] => {
  const isList = Array.isArray(parent[name]);
  return listOf(parent[name]).flatMap((each, i) => {
    const { reference } = isObject(each) ? each : {};
    return typeof reference === 'string' ? [{ reference, at: `${path}.${name}${isList ? `[${i}]` : ''}`, isEntry }] : [];
  });
};

const partsOf = (parent: Resource, name: string, path: string): (readonly [part: Resource, path: string])[] =>
  listOf(parent[name]).flatMap((each, i) => (isObject(each) ? [[each, `${path}.${name}[${i}]`] as const] : []));

const ofSections = (parent: Resource, path: string): Referenced[] =>
  partsOf(parent, 'section', path).flatMap(([section, own]) => [
    ...at(section, 'author', own),
    ...at(section, 'focus', own),
    ...at(section, 'entry', own, true),
    ...ofSections(section, own),
  ]);

/** The references of a Composition whose targets a document has to have; those of relatesTo are other documents. */
export const requiredBy = (composition: Resource): readonly Referenced[] => [
  ...['subject', 'encounter', 'author', 'custodian'].flatMap((name) => at(composition, name, 'Composition')),
  ...partsOf(composition, 'attester', 'Composition').flatMap(([attester, path]) => at(attester, 'party', path)),
  ...partsOf(composition, 'event', 'Composition').flatMap(([event, path]) => at(event, 'detail', path)),
  ...ofSections(composition, 'Composition'),
];

/** Every reference anywhere in a resource. */
export const referencesIn = (value: unknown): readonly string[] => {
  const found = new Set<string>();
  const pending: unknown[] = [value];
  for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
    if (typeof each !== 'object' || each === null) continue;
    const { reference } = each as { readonly reference?: unknown };
    if (typeof reference === 'string') found.add(reference);
    // One by one: a list may have more members than a call takes arguments.
    for (const member of Object.values(each) as unknown[]) if (typeof member === 'object' && member !== null) pending.push(member);
  }
  return [...found];
};

/** A resource of this server, of one version where that is said. */
export interface Target {
  readonly type: string;
  readonly id: string;
  readonly version: number | undefined;
}

const LOCAL = /^([A-Z][A-Za-z]+)\/([A-Za-z0-9\-.]{1,64})(?:\/_history\/(\d{1,9}))?$/;

/** Undefined where it leads elsewhere, or to no address. */
export const targetOf = (reference: string, baseUrl: string): Target | undefined => {
  const relative = reference.startsWith(`${baseUrl}/`) ? reference.slice(baseUrl.length + 1) : reference;
  const [, type, id, version] = LOCAL.exec(relative) ?? [];
  return type === undefined || id === undefined ? undefined : { type, id, version: version === undefined ? undefined : Number(version) };
};
