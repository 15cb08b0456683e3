/** Expansion of a value set by its compose, as far as the code systems at hand allow. Source: http://hl7.org/fhir/R4/valueset.html#compositions */

interface Concept {
  readonly code: string;
  readonly concept?: readonly Concept[];
}

interface Include {
  readonly system?: string;
  readonly concept?: readonly Concept[];
  readonly filter?: readonly unknown[];
  readonly valueSet?: readonly string[];
}

export interface TerminologyResource {
  readonly resourceType: string;
  readonly url?: string;
  readonly content?: string;
  readonly concept?: readonly Concept[];
  readonly compose?: { readonly include: readonly Include[]; readonly exclude?: readonly Include[] };
}

/** system → codes */
export type Expansion = Map<string, Set<string>>;

const collect = (concepts: readonly Concept[], into: Set<string>): Set<string> => {
  for (const concept of concepts) {
    into.add(concept.code);
    if (concept.concept) collect(concept.concept, into);
  }
  return into;
};

const withoutVersion = (canonical: string): string => canonical.split('|')[0] ?? canonical;

const intersect = (left: Expansion, right: Expansion): Expansion =>
  new Map([...left].map(([system, codes]) => [system, new Set([...codes].filter((code) => right.get(system)?.has(code)))]));

/** Answers `expand(url)`: the codes by system, or undefined where a filter or a system that isn't at hand prevents it. */
export const createExpander = (resources: Iterable<TerminologyResource>): ((url: string) => Expansion | undefined) => {
  const systems = new Map<string, TerminologyResource>();
  const valueSets = new Map<string, TerminologyResource>();
  for (const resource of resources) {
    const target = resource.resourceType === 'CodeSystem' ? systems : resource.resourceType === 'ValueSet' ? valueSets : undefined;
    if (target && resource.url !== undefined && !target.has(resource.url)) target.set(resource.url, resource);
  }

  const ofSystem = (include: Include): Expansion | undefined => {
    if (include.system === undefined || include.filter) return undefined;
    if (include.concept) return new Map([[include.system, collect(include.concept, new Set())]]);
    const system = systems.get(include.system);
    return system?.content === 'complete' ? new Map([[include.system, collect(system.concept ?? [], new Set())]]) : undefined;
  };

  const ofInclude = (include: Include, pending: ReadonlySet<string>): Expansion | undefined => {
    const parts = (include.valueSet ?? []).map((url) => expand(withoutVersion(url), pending));
    if (include.system !== undefined) parts.push(ofSystem(include));
    let result: Expansion | undefined;
    for (const part of parts) {
      if (!part) return undefined;
      result = result ? intersect(result, part) : part;
    }
    return result;
  };

  const expand = (url: string, pending: ReadonlySet<string>): Expansion | undefined => {
    const compose = valueSets.get(url)?.compose;
    if (!compose || pending.has(url)) return undefined;
    const inner = new Set([...pending, url]);
    const result: Expansion = new Map();
    for (const include of compose.include) {
      const part = ofInclude(include, inner);
      if (!part) return undefined;
      for (const [system, codes] of part) result.set(system, new Set([...codes, ...(result.get(system) ?? [])]));
    }
    for (const exclude of compose.exclude ?? []) {
      const part = ofInclude(exclude, inner);
      if (!part) return undefined;
      for (const [system, codes] of part) result.set(system, new Set([...(result.get(system) ?? [])].filter((code) => !codes.has(code))));
    }
    return result;
  };

  return (url) => expand(withoutVersion(url), new Set());
};
