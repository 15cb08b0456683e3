/** Which elements a client wants to see. Source: http://hl7.org/fhir/R4/search.html#summary, http://hl7.org/fhir/R4/search.html#elements */
import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { decodeQuery } from '../search/parse.ts';
import { typeKeys } from './type-keys.ts';

export interface Selection {
  readonly summary: 'true' | 'text' | 'data' | undefined;
  /** Of `_elements`: the members asked for by resource type; under `*` those of what a search matched, or of whatever was asked for. */
  readonly elements: ReadonlyMap<string, ReadonlySet<string>> | undefined;
}

export interface Asked {
  /** What the address names; undefined where it is of no one type. */
  readonly type: string | undefined;
  readonly query: string;
  /** Leave unknown elements out instead of refusing them. */
  readonly lenient: boolean;
  /** Of a search or a history, whose answer may be a count alone. */
  readonly isList: boolean;
}

const SUMMARIES = new Set(['true', 'text', 'data', 'count', 'false']);
const MAX_ELEMENTS = 200;
/** The members of whatever the address asks for. */
export const ANY_MATCH = '*';

const refused = (name: string, diagnostics: string): FhirError => new FhirError('value', diagnostics, { expression: `http.${name}` });

/** Undefined where everything shall be shown; throws 400 on what is no form of `_summary`, and on elements that the type hasn't. */
export const selectionOf = (registry: Registry, { type, query, lenient, isList }: Asked): Selection | undefined => {
  if (!query.includes('summary') && !query.includes('elements')) return undefined;
  const pairs = decodeQuery(query);
  const valuesOf = (name: string): string[] => pairs.flatMap(([each, value]) => (each === name && value !== '' ? [value] : []));
  for (const [name] of pairs) {
    if (!lenient && /^_(?:summary|elements):/.test(name))
      throw refused(name.slice(0, 40), `${name.slice(0, 40)}: there is no such modifier: leave it out`);
  }
  const summary = summaryOf(valuesOf('_summary'), lenient);
  const names = valuesOf('_elements')
    .flatMap((value) => value.split(','))
    .map((name) => name.trim())
    .filter(Boolean);
  if (summary === 'count' && !isList)
    throw refused('_summary', '_summary=count is of searches and histories: use true, text, data or false here');
  if (summary === 'text' && pairs.some(([name]) => /^_(?:rev)?include(?::|$)/.test(name)))
    throw refused('_summary', '_summary=text goes with no _include and no _revinclude: leave out one of them');
  const kept = summary === 'true' || summary === 'text' || summary === 'data' ? summary : undefined;
  if (names.length === 0) return kept === undefined ? undefined : { summary: kept, elements: undefined };
  if (kept !== undefined) throw refused('_elements', `_elements and _summary=${kept} say two things: leave out one of them`);
  if (names.length > MAX_ELEMENTS)
    throw new FhirError('too-costly', `_elements names more than ${MAX_ELEMENTS} elements`, { expression: 'http._elements' });
  return { summary: undefined, elements: elementsOf(registry, type, names, lenient) };
};

const summaryOf = (values: readonly string[], lenient: boolean): string | undefined => {
  const value = values.at(-1);
  if (value === undefined || SUMMARIES.has(value)) return value;
  if (lenient) return undefined;
  throw refused('_summary', `_summary=${value.slice(0, 20)} is none of ${[...SUMMARIES].join(', ')}`);
};

const elementsOf = (
  registry: Registry,
  type: string | undefined,
  names: readonly string[],
  lenient: boolean,
): ReadonlyMap<string, ReadonlySet<string>> => {
  const elements = new Map<string, Set<string>>();
  // An empty set, so that a list of nothing known shows what is mandatory, and not everything.
  if (names.some((name) => !name.includes('.'))) elements.set(ANY_MATCH, new Set());
  for (const name of names) {
    const dot = name.indexOf('.');
    const owner = dot === -1 ? undefined : name.slice(0, dot);
    const element = name.slice(dot + 1).replace(/\[x\]$/, '');
    if (owner !== undefined && !registry.isResourceType(owner)) {
      if (lenient) continue;
      throw refused(
        '_elements',
        `_elements=${name.slice(0, 60)}: ${owner.slice(0, 40)} is no resource type; name elements of the root alone`,
      );
    }
    const owners = owner ?? type;
    const keys = (owners === undefined ? registry.resourceTypes : [owners]).flatMap((each) => typeKeys(registry, each).of(element));
    if (keys.length === 0) {
      if (lenient) continue;
      throw refused('_elements', `_elements=${name.slice(0, 60)}: ${owners ?? 'no resource type'} has no such element at its root`);
    }
    const known = elements.get(owner ?? ANY_MATCH) ?? new Set();
    for (const key of keys) known.add(key);
    elements.set(owner ?? ANY_MATCH, known);
  }
  return elements;
};
