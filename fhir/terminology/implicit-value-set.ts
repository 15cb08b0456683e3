/**
 * Value sets that nobody has written down: by their addresses, or since a code system names one as that of all its codes.
 * Source: http://hl7.org/fhir/R4/valueset.html#implicit, http://hl7.org/fhir/R4/snomedct.html#implicit, http://hl7.org/fhir/R4/loinc.html,
 * http://hl7.org/fhir/R4/ucum.html, http://hl7.org/fhir/R4/codesystem-definitions.html#CodeSystem.valueSet
 */
import { UCUM } from '../search/ucum.ts';
import { type CodeSystem, type Include, splitCanonical, type TerminologySource, type ValueSet } from './resources.ts';
import type { LazyResource } from './sources.ts';

/** `<code system>?fhir_vs`: all codes, or those below one, itself among them. */
const QUERY = /^([^?]+)\?fhir_vs(?:=isa\/(.+))?$/;
/** An edition of SNOMED CT, which is a version of it. */
const EDITION = /^(http:\/\/snomed\.info\/x?sct)\/.+$/;
const ALL: ReadonlyMap<string, string> = new Map([
  ['http://loinc.org/vs', 'http://loinc.org'],
  ['http://unitsofmeasure.org/vs', UCUM],
]);

const includeOf = (url: string): Include | undefined => {
  const system = ALL.get(url);
  if (system !== undefined) return { system };
  const [, base, code] = QUERY.exec(url) ?? [];
  if (base === undefined) return undefined;
  const [, whole] = EDITION.exec(base) ?? [];
  return {
    ...(whole === undefined ? { system: base } : { system: whole, version: base }),
    ...(code !== undefined && { filter: [{ property: 'concept', op: 'is-a', value: code }] }),
  };
};

const valueSetOf = (url: string, include: Include): ValueSet => ({
  resourceType: 'ValueSet',
  url,
  ...(include.version !== undefined && { version: include.version }),
  status: 'active',
  compose: { include: [include] },
});

/** What an address says by itself; undefined where it says nothing. The version of such a value set is that of its code system. */
export const byAddress = (canonical: string): ValueSet | undefined => {
  const [url, version] = splitCanonical(canonical);
  const include = includeOf(url);
  if (include === undefined || (version !== undefined && (include.version ?? version) !== version)) return undefined;
  return valueSetOf(url, { ...include, ...(version !== undefined && { version }) });
};

/** All codes of a code system, where it names a value set of this canonical address. */
export const allCodesOf = (canonical: string, { valueSet, url: system, version: own }: CodeSystem): ValueSet | undefined => {
  const [url, version] = splitCanonical(canonical);
  const [named, of = own] = splitCanonical(valueSet ?? '');
  if (named !== url || system === undefined || (version !== undefined && version !== of)) return undefined;
  return valueSetOf(url, { system, ...(version !== undefined && own !== undefined && { version: own }) });
};

/** By address; of several the first counts. */
const namedIn = (packages: Iterable<LazyResource>): Map<string, LazyResource> => {
  const named = new Map<string, LazyResource>();
  for (const each of packages) {
    const [url] = splitCanonical(each.valueSet ?? '');
    if (url !== '' && !named.has(url)) named.set(url, each);
  }
  return named;
};

const MAX_MADE = 1000;

/** Of packages, and by addresses alone; what it answers once stays the same object. */
export const implicitSource = (packages: Iterable<LazyResource>): TerminologySource => {
  const made = new Map<string, ValueSet>();
  let named: Map<string, LazyResource> | undefined;
  const ofPackages = (canonical: string): ValueSet | undefined => {
    named ??= namedIn(packages);
    const system = named.get(splitCanonical(canonical)[0]);
    return system && allCodesOf(canonical, system.resource() as CodeSystem);
  };
  return {
    codeSystem: () => undefined,
    valueSet: (canonical) => {
      const known = made.get(canonical);
      if (known !== undefined) return known;
      const found = ofPackages(canonical) ?? byAddress(canonical);
      // Callers choose the addresses.
      if (made.size >= MAX_MADE) made.clear();
      if (found !== undefined) made.set(canonical, found);
      return found;
    },
  };
};
