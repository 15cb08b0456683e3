/** References between the entries of a transaction. Source: http://hl7.org/fhir/R4/http.html#trules, http://hl7.org/fhir/R4/bundle.html#references */
import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { skipString } from '../json/text.ts';

const CONDITIONAL = /^([A-Z][A-Za-z]+)\?(.+)$/s;
const RESTFUL = /^(https?:\/\/.+\/)[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;
// In a narrative, where the quotes of an attribute may be escaped for JSON.
const LINK = /(<(?:a|img)\b[^<>]*?\s(?:href|src)\s*=\s*(?:\\"|'))([^'"\\<>]+)/gi;
/** Not canonical, which the spec leaves as it is: it names a resource by its `url`, not by where its entry is. */
const ADDRESS_TYPES = new Set(['uri', 'url', 'oid', 'uuid']);
/** What an entry of a Bundle within the Bundle is called is its own affair. */
const NAMES_ITSELF = new Set(['fullUrl']);

const COLON = 58;
const isSpace = (code: number): boolean => code === 32 || code === 10 || code === 13 || code === 9;

/**
 * Tells each string of a JSON text that is a value, from its opening quote to behind the closing one, and the name of the member that it is
 * of or in. Found by their quotes: a pattern for a string needs stack for each of its characters.
 */
const eachString = (text: string, hear: (name: string, start: number, end: number) => void): void => {
  let name = '';
  for (let start = text.indexOf('"'); start !== -1;) {
    const end = skipString(text, start);
    let next = end;
    while (isSpace(text.charCodeAt(next))) next++;
    if (text.charCodeAt(next) === COLON) {
      name = text.slice(start + 1, end - 1);
    } else hear(name, start, end);
    start = text.indexOf('"', next);
  }
};

const decoded = (raw: string): string => (raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw);

const known = new WeakMap<Registry, ReadonlySet<string>>();

/** The names of elements that hold an address in some resource type. */
const addressElements = (registry: Registry): ReadonlySet<string> => {
  const before = known.get(registry);
  if (before !== undefined) return before;
  const found = new Set<string>(['reference']);
  const visited = new Set<string>();
  const visit = (type: string): void => {
    if (visited.has(type)) return;
    visited.add(type);
    for (const { name, isChoice, types } of registry.type(type)?.elements ?? []) {
      for (const each of types) {
        if (ADDRESS_TYPES.has(each)) found.add(isChoice ? name + each.charAt(0).toUpperCase() + each.slice(1) : name);
        visit(each);
      }
    }
  };
  for (const type of registry.resourceTypes) visit(type);
  for (const name of NAMES_ITSELF) found.delete(name);
  known.set(registry, found);
  return found;
};

export interface ConditionalReference {
  readonly type: string;
  readonly criteria: string;
}

/** What a conditional reference asks for; undefined where it is none. */
export const conditional = (reference: string): ConditionalReference | undefined => {
  const [, type, criteria] = CONDITIONAL.exec(reference) ?? [];
  return type === undefined || criteria === undefined ? undefined : { type, criteria };
};

const NAME = /\burn(?::|%3A)(?:uuid|oid)(?::|%3A)[\w.-]+/gi;

/** Criteria with the urn:uuid and urn:oid addresses in them replaced by what they stand for; those that stand for nothing else stay. */
export const resolveCriteria = (
  { type, criteria }: ConditionalReference,
  targetOf: (fullUrl: string) => string | undefined,
): ConditionalReference => ({
  type,
  criteria: criteria.replace(NAME, (written) => targetOf(decodeURIComponent(written)) ?? written),
});

/** The conditional references in a resource's text, by how they are written. */
export type FindConditional = (text: string) => ReadonlyMap<string, ConditionalReference>;

const NONE: ReadonlyMap<string, ConditionalReference> = new Map();

/** For the entries of one Bundle, whose references are often the same: each is kept once, and nothing of the texts that it stands in. */
export const conditionalFinder = (): FindConditional => {
  const sets = new Map<string, ReadonlyMap<string, ConditionalReference>>();
  const known = new Map<string, { readonly reference: string; readonly parsed: ConditionalReference }>();
  const knownAs = (written: string): { readonly reference: string; readonly parsed: ConditionalReference } | undefined => {
    const before = known.get(written);
    if (before !== undefined || !CONDITIONAL.test(written)) return before;
    // A part of a text keeps the whole of it in memory; a copy doesn't.
    const reference = JSON.parse(JSON.stringify(written)) as string;
    const made = { reference, parsed: conditional(reference)! };
    known.set(reference, made);
    return made;
  };
  return (text) => {
    if (!text.includes('?')) return NONE;
    const found = new Map<string, ConditionalReference>();
    eachString(text, (name, start, end) => {
      if (name !== 'reference') return;
      const conditional = knownAs(decoded(text.slice(start + 1, end - 1)));
      if (conditional !== undefined) found.set(conditional.reference, conditional.parsed);
    });
    if (found.size === 0) return NONE;
    const key = [...found.keys()].join('\n');
    const before = sets.get(key);
    if (before === undefined) sets.set(key, found);
    return before ?? found;
  };
};

/** The text with each reference that is a key of `resolved` as its value. */
export const replaceReferences = (text: string, resolved: ReadonlyMap<string, string>): string => {
  let out = '';
  let done = 0;
  eachString(text, (name, start, end) => {
    const target = name === 'reference' ? resolved.get(decoded(text.slice(start + 1, end - 1))) : undefined;
    if (target === undefined) return;
    out += text.slice(done, start) + JSON.stringify(target);
    done = end;
  });
  return out + text.slice(done);
};

export interface Addresses {
  readonly registry: Registry;
  /** fullUrl, or conditional reference, → `Type/id`. */
  readonly resolved: ReadonlyMap<string, string>;
  /** Of the entry that holds the text. */
  readonly fullUrl: string | undefined;
  /** The version that `Type/id` of an entry will have; undefined where that isn't known before it is stored. */
  readonly versionOf: (target: string) => number | undefined;
}

const VERSIONED = /^(.+)\/_history\/[^/]+$/s;

/**
 * What an address in an element of that name stands for; undefined where it stands for itself. `div` is for links in a narrative. Throws 400
 * on a urn:uuid or urn:oid reference to no entry, and where the version that it names can't be told.
 */
export type ResolveAddress = (element: string, address: string) => string | undefined;

export const addressResolver = ({ registry, resolved, fullUrl, versionOf }: Addresses): ResolveAddress => {
  const base = fullUrl === undefined ? undefined : RESTFUL.exec(fullUrl)?.[1];
  const elements = addressElements(registry);
  const entryOf = (address: string, isReference: boolean): string | undefined =>
    resolved.get(address) ?? (base !== undefined && isReference ? resolved.get(base + address) : undefined);
  const targetOf = (address: string, isReference: boolean): string | undefined => {
    const target = entryOf(address, isReference);
    if (target !== undefined) return target;
    const [, unversioned] = (isReference && VERSIONED.exec(address)) || [];
    const versioned = unversioned === undefined ? undefined : entryOf(unversioned, true);
    // Under its own name here its versions are the ones of here.
    if (versioned !== undefined && versioned !== unversioned) {
      const version = versionOf(versioned);
      if (version !== undefined) return `${versioned}/_history/${version}`;
      const says = `the reference ${address.slice(0, 80)} names a version of an entry that changes what is there: leave the version out`;
      throw new FhirError('value', says);
    }
    // A part of the resource.
    const end = address.indexOf('#');
    const whole = end > 0 ? resolved.get(address.slice(0, end)) : undefined;
    return whole === undefined ? undefined : whole + address.slice(end);
  };
  return (element, address) => {
    if (element === 'div') return targetOf(address, false);
    if (!elements.has(element)) return undefined;
    const target = targetOf(address, element === 'reference');
    if (target === undefined && element === 'reference' && /^urn:(uuid|oid):/.test(address))
      throw new FhirError('value', `the reference ${address.slice(0, 60)} names no entry of this Bundle: give one that fullUrl`);
    return target;
  };
};

/**
 * The text with every address of an entry replaced by `Type/id`: in references, in elements of type uri, url, oid and uuid, and in links
 * and images of a narrative. A reference to a version of an entry gets the version that it has here. Throws as {@link ResolveAddress}.
 */
export const resolveReferences = (text: string, addresses: Addresses): string => {
  const resolve = addressResolver(addresses);
  const elements = addressElements(addresses.registry);
  const replaced = (name: string, string: string): string => {
    if (name === 'div') {
      return string.replaceAll(LINK, (link, before: string, address: string) => {
        const target = resolve('div', address.replaceAll('&amp;', '&'));
        return target === undefined ? link : before + target;
      });
    }
    const target = resolve(name, decoded(string.slice(1, -1)));
    return target === undefined ? string : JSON.stringify(target);
  };
  let out = '';
  let done = 0;
  eachString(text, (name, start, end) => {
    if (name !== 'div' && !elements.has(name)) return;
    const string = text.slice(start, end);
    const written = replaced(name, string);
    if (written === string) return;
    out += text.slice(done, start) + written;
    done = end;
  });
  return out + text.slice(done);
};
