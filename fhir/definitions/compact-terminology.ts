/** What of a code system or value set is kept for terminology, in the order that sources.ts reads: type and url first. */
const KEPT = ['version', 'name', 'title', 'status', 'caseSensitive', 'content', 'concept', 'compose'];
const DROPPED = new Set(['extension', '_display', '_definition', '_code', 'documentation', 'id']);

interface Source {
  readonly resourceType: string;
  readonly url?: string;
  readonly [element: string]: unknown;
}

/** One line per resource; of several with one url the first counts. */
export const compactTerminology = (resources: Iterable<Source>): string => {
  const lines = new Map<string, string>();
  for (const resource of resources) {
    const { resourceType, url } = resource;
    const key = `${resourceType} ${url}`;
    if ((resourceType !== 'CodeSystem' && resourceType !== 'ValueSet') || url === undefined || lines.has(key)) continue;
    const kept = Object.fromEntries(KEPT.flatMap((name) => (resource[name] === undefined ? [] : [[name, resource[name]]])));
    lines.set(
      key,
      JSON.stringify({ resourceType, url, ...kept }, (name, value: unknown) => (DROPPED.has(name) ? undefined : value)),
    );
  }
  return `${[...lines.values()].sort().join('\n')}\n`;
};
