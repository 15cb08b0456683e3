/**
 * A resource's text without the elements that weren't asked for; what is kept, is kept to the byte.
 * Source: http://hl7.org/fhir/R4/search.html#summary, http://hl7.org/fhir/R4/resource.html#tag-updates
 */
import type { Registry } from '../definitions/registry.ts';
import { elements, members, type Span } from '../json/text.ts';
import { ANY_MATCH, type Selection } from './selection.ts';
import { typeKeys } from './type-keys.ts';

export const SUBSETTED = { system: 'http://terminology.hl7.org/CodeSystem/v3-ObservationValue', code: 'SUBSETTED' } as const;
const TAG = JSON.stringify(SUBSETTED);

/** Without these nobody could tell what the rest means. */
const ALWAYS = new Set(['resourceType', 'id', 'meta', 'implicitRules', 'modifierExtension']);
/** Datatypes that are shown whole or not at all. */
const WHOLE = new Set(['Meta', 'Narrative', 'Extension', 'Resource']);

/** The parts of an answer that the selection leaves: of the resource, or of each resource in a search's or history's Bundle. */
export const subset = (registry: Registry, text: string, selection: Selection, isBundle: boolean): string => {
  const start = text.indexOf('{');
  return isBundle ? subsetEntries(registry, text, start, selection) : subsetResource(registry, text, start, selection, true);
};

const subsetEntries = (registry: Registry, text: string, start: number, selection: Selection): string => {
  const entry = members(text, start).find(({ key }) => key === 'entry');
  if (entry === undefined) return text;
  let out = '';
  let done = 0;
  for (const span of elements(text, entry.start)) {
    const parts = members(text, span.start);
    const resource = parts.find(({ key }) => key === 'resource');
    const search = parts.find(({ key }) => key === 'search');
    const mode = search === undefined ? 'match' : /"mode"\s*:\s*"(\w+)"/.exec(text.slice(search.start, search.end))?.[1];
    if (resource === undefined || mode === 'outcome') continue;
    out += text.slice(done, resource.start) + subsetResource(registry, text, resource.start, selection, mode !== 'include');
    done = resource.end;
  }
  return out + text.slice(done);
};

const subsetResource = (registry: Registry, text: string, start: number, selection: Selection, isMatch: boolean): string => {
  const root = members(text, start);
  const typeSpan = root.find(({ key }) => key === 'resourceType');
  const type = typeSpan === undefined ? '' : (JSON.parse(text.slice(typeSpan.start, typeSpan.end)) as string);
  const keep = keeper(registry, type, selection, isMatch);
  const at = root.at(-1)?.end ?? start + 1;
  if (keep === undefined) return text.slice(start, text.indexOf('}', at) + 1);
  const parts: string[] = [];
  let tagged = false;
  for (const member of root) {
    const kept = keep(member.key);
    if (kept === 'none') continue;
    let value = text.slice(member.start, member.end);
    if (member.key === 'meta') {
      value = withTag(value);
      tagged = true;
    } else if (kept !== 'whole') value = summaryOf(registry, text, member, kept);
    parts.push(`${JSON.stringify(member.key)}:${value}`);
  }
  if (!tagged) parts.splice(1, 0, `"meta":{"tag":[${TAG}]}`);
  return `{${parts.join(',')}}`;
};

/** What becomes of a member: kept whole, left out, or the summary of its type. */
type Keep = (key: string) => 'whole' | 'none' | { readonly summaryOf: string };

const keeper = (registry: Registry, type: string, { summary, elements }: Selection, isMatch: boolean): Keep | undefined => {
  const { all } = typeKeys(registry, type);
  const isMandatory = (key: string): boolean => ALWAYS.has(key) || (all.get(key)?.element.min ?? 0) > 0;
  // The id and the extensions of a primitive stand in a member of their own, which goes where the value goes.
  const named = (key: string): string => (key.startsWith('_') ? key.slice(1) : key);
  if (elements !== undefined) {
    // A list without a type is of what was asked for; what came along with it stays whole. Source: search.html#elements
    const wanted = [...(isMatch ? (elements.get(ANY_MATCH) ?? []) : []), ...(elements.get(type) ?? [])];
    if (wanted.length === 0 && !elements.has(type) && !(isMatch && elements.has(ANY_MATCH))) return undefined;
    const set = new Set(wanted);
    return (key) => (set.has(named(key)) || isMandatory(named(key)) ? 'whole' : 'none');
  }
  if (summary === 'data') return (key) => (key === 'text' ? 'none' : 'whole');
  if (summary === 'text') return (key) => (key === 'text' || isMandatory(named(key)) ? 'whole' : 'none');
  return (key) => inSummary(registry, type, named(key));
};

const inSummary = (registry: Registry, type: string, key: string): ReturnType<Keep> => {
  if (ALWAYS.has(key)) return 'whole';
  const found = typeKeys(registry, type).all.get(key);
  if (found === undefined || (!found.element.isSummary && found.element.min === 0)) return 'none';
  if (WHOLE.has(found.type)) return 'whole';
  const kind = registry.type(found.type)?.kind;
  return kind === 'complex' || kind === 'backbone' ? { summaryOf: found.type } : 'whole';
};

const summaryOf = (registry: Registry, text: string, { start, end }: Span, { summaryOf: type }: { summaryOf: string }): string => {
  const first = text[start];
  if (first === '[')
    return `[${elements(text, start)
      .map((span) => summaryOf(registry, text, span, { summaryOf: type }))
      .join(',')}]`;
  if (first !== '{') return text.slice(start, end);
  const parts: string[] = [];
  for (const member of members(text, start)) {
    const kept = inSummary(registry, type, member.key.startsWith('_') ? member.key.slice(1) : member.key);
    if (kept === 'none') continue;
    parts.push(
      `${JSON.stringify(member.key)}:${kept === 'whole' ? text.slice(member.start, member.end) : summaryOf(registry, text, member, kept)}`,
    );
  }
  // An object has at least one member: where nothing of it is in the summary, all of it is better than a lie.
  return parts.length === 0 ? text.slice(start, end) : `{${parts.join(',')}}`;
};

/** The text of a Meta with the tag that says: this is not the whole resource. */
const withTag = (meta: string): string => {
  const tag = members(meta, 0).find(({ key }) => key === 'tag');
  if (tag === undefined) return meta.replace(/\s*\}$/, (close) => `${members(meta, 0).length === 0 ? '' : ','}"tag":[${TAG}]${close}`);
  const tags = elements(meta, tag.start);
  const at = tags.at(-1)?.end ?? tag.start + 1;
  return `${meta.slice(0, at)}${tags.length === 0 ? '' : ','}${TAG}${meta.slice(at)}`;
};

/** Whether a resource says of itself that it is not the whole one. */
export const isSubsetted = (resource: Readonly<Record<string, unknown>>): boolean => {
  const tags = (resource['meta'] as { tag?: unknown } | undefined)?.tag;
  return (
    Array.isArray(tags) &&
    tags.some(
      (tag: { system?: unknown; code?: unknown } | null) =>
        tag?.code === SUBSETTED.code && (tag.system ?? SUBSETTED.system) === SUBSETTED.system,
    )
  );
};
