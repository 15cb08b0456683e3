import { openLineFile } from '../definitions/line-file.ts';
import { type CodeSystem, splitCanonical, type TerminologyResource, type TerminologySource, type ValueSet } from './resources.ts';

const DATA_FILE = new URL('../definitions/data/r4-terminology.jsonl', import.meta.url);

const keyOf = ({ resourceType, url }: { readonly resourceType: string; readonly url?: string }): string => `${resourceType} ${url}`;

const fits = <T extends TerminologyResource>(resource: T | undefined, version: string | undefined): T | undefined =>
  resource !== undefined && (version === undefined || resource.version === version) ? resource : undefined;

const sourceOf = (find: (key: string) => TerminologyResource | undefined): TerminologySource => {
  const lookUp = (resourceType: string, canonical: string): TerminologyResource | undefined => {
    const [url, version] = splitCanonical(canonical);
    return fits(find(`${resourceType} ${url}`), version);
  };
  return {
    codeSystem: (canonical) => lookUp('CodeSystem', canonical) as CodeSystem | undefined,
    valueSet: (canonical) => lookUp('ValueSet', canonical) as ValueSet | undefined,
  };
};

/** A resource that is parsed when it is asked for. */
export interface LazyResource {
  readonly resourceType: string;
  readonly url: string;
  readonly version: string | undefined;
  /** Of a code system: CodeSystem.valueSet. */
  readonly valueSet?: string | undefined;
  readonly resource: () => unknown;
}

/** Of several resources with one url the first counts, if no version is asked for. */
export const lazySource = (resources: Iterable<LazyResource>): TerminologySource => {
  const known = new Map<string, LazyResource>();
  for (const resource of resources) {
    const key = keyOf(resource);
    if (!known.has(key)) known.set(key, resource);
    if (resource.version !== undefined) known.set(`${key}|${resource.version}`, resource);
  }
  const find = (key: string): unknown => known.get(key)?.resource();
  return {
    codeSystem: (canonical) => find(`CodeSystem ${canonical}`) as CodeSystem | undefined,
    valueSet: (canonical) => find(`ValueSet ${canonical}`) as ValueSet | undefined,
  };
};

/** Of resources at hand. */
export const resourceSource = (resources: Iterable<TerminologyResource>): TerminologySource =>
  lazySource(
    [...resources].map((resource) => ({ ...resource, url: resource.url ?? '', version: resource.version, resource: () => resource })),
  );

// The line of a resource begins with these two, in this order; compact-terminology.ts sees to it.
const HEAD = /^\{"resourceType":"(\w+)","url":"([^"]+)"/;

/** R4's own value sets and code systems; each is parsed when it is asked for first. */
export const coreSource = (): TerminologySource => {
  const lineOf = openLineFile(DATA_FILE, (head) => {
    const [, type, url] = HEAD.exec(head) ?? [];
    return type === undefined ? undefined : `${type} ${url}`;
  });
  const parsed = new Map<string, TerminologyResource>();
  return sourceOf((key) => {
    let resource = parsed.get(key);
    if (resource !== undefined) return resource;
    const line = lineOf(key);
    if (line === undefined) return undefined;
    resource = JSON.parse(line) as TerminologyResource;
    parsed.set(key, resource);
    return resource;
  });
};

/** The first that knows an address answers. */
export const firstOf = (...sources: readonly TerminologySource[]): TerminologySource => ({
  codeSystem: (canonical) => {
    for (const source of sources) {
      const found = source.codeSystem(canonical);
      if (found !== undefined) return found;
    }
    return undefined;
  },
  valueSet: (canonical) => {
    for (const source of sources) {
      const found = source.valueSet(canonical);
      if (found !== undefined) return found;
    }
    return undefined;
  },
});
