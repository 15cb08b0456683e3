/** What of a code system, value set or concept map is kept for terminology, in the order that sources.ts reads: type and url first. */
const KEPT = ['version', 'name', 'title', 'status', 'caseSensitive', 'content', 'concept', 'compose'];
const KEPT_OF_MAP = ['version', 'status', 'sourceUri', 'sourceCanonical', 'targetUri', 'targetCanonical', 'group'];
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

/** One line per concept map. */
export const compactConceptMaps = (resources: Iterable<Source>): string =>
  [...resources]
    .filter(({ resourceType }) => resourceType === 'ConceptMap')
    .map((map) => ({
      resourceType: map.resourceType,
      url: map.url,
      ...Object.fromEntries(KEPT_OF_MAP.flatMap((name) => (map[name] === undefined ? [] : [[name, map[name]]]))),
    }))
    .map((map) => `${JSON.stringify(map, (name, value: unknown) => (DROPPED.has(name) || name === 'comment' ? undefined : value))}\n`)
    .sort()
    .join('');
