/** Which slice a value belongs to. Source: http://hl7.org/fhir/R4/profiling.html#discriminator */
import { isObject } from '../../json/value.ts';
import type { Scope } from '../invariants.ts';
import { referencedType } from '../reference.ts';
import { capitalized, chosenType, insideOf, type Item, itemsOf } from './item.ts';
import { equals, matches } from './pattern.ts';
import { type Discriminator, fixedValue, patternValue, type ProfileNode } from './structure-definition.ts';

/** undefined where it can't be told from the resource alone. */
export type Matcher = (item: Item, scope: Scope) => boolean | undefined;

export interface MatcherTools {
  /** Whether an item keeps everything that a node asks of it; undefined where that depends on a value set that isn't loaded. */
  readonly conforms: (node: ProfileNode, item: Item, scope: Scope) => boolean | undefined;
  /** Whether an item keeps a profile; undefined where that isn't known. */
  readonly conformsTo: (profile: string, item: Item, scope: Scope) => boolean | undefined;
}

type Segment = { readonly name: string } | { readonly extension: string } | { readonly type: string } | 'resolve';

/** Undefined on what discriminators can't hold. Source: http://hl7.org/fhir/R4/profiling.html#discriminator (restricted FHIRPath) */
const parsePath = (path: string): Segment[] | undefined => {
  const segments: Segment[] = [];
  for (const part of path.match(/[^.(]+(?:\([^)]*\))?/g) ?? []) {
    const [, call, argument = ''] = /^(\w+)\((.*)\)$/.exec(part) ?? [];
    if (call === 'resolve') segments.push('resolve');
    else if (call === 'extension') segments.push({ extension: argument.replaceAll(/^['"]|['"]$/g, '') });
    else if (call === 'ofType') segments.push({ type: argument });
    else if (call !== undefined) return undefined;
    else if (part !== '$this') segments.push({ name: part });
  }
  return segments;
};

const step = (item: Item, segment: Segment): readonly Item[] => {
  const inside = insideOf(item);
  if (inside === undefined || segment === 'resolve') return [];
  if ('extension' in segment) {
    return itemsOf(inside, 'extension', false).filter(({ value }) => isObject(value) && value['url'] === segment.extension);
  }
  if ('type' in segment) return item.key.endsWith(capitalized(segment.type)) ? [item] : [];
  const direct = itemsOf(inside, segment.name, false);
  return direct.length > 0 ? direct : itemsOf(inside, segment.name, true);
};
const follow = (item: Item, segments: readonly Segment[]): readonly Item[] =>
  segments.reduce<readonly Item[]>((items, segment) => items.flatMap((each) => step(each, segment)), [item]);

/** What the profile says at the end of a path: a node, or values that an outer fixed value or pattern holds. */
type Target = { readonly node: ProfileNode } | { readonly values: readonly unknown[] };

const within = (value: unknown, segment: Segment): unknown[] =>
  (Array.isArray(value) ? value : [value]).flatMap((each: unknown) =>
    isObject(each) && segment !== 'resolve' && 'name' in segment && each[segment.name] !== undefined ? [each[segment.name]] : [],
  );

const profileUrls = ({ element }: ProfileNode): string[] =>
  (element.type ?? []).flatMap(({ profile }) => profile ?? []).map((url) => url.split('|', 1)[0]!);

const extensionNode = (node: ProfileNode, url: string): ProfileNode | undefined => {
  const sliced = node.children.get('extension');
  return [...(sliced?.slices.values() ?? [])].find((slice) => {
    const own = slice.children.get('url');
    return profileUrls(slice).includes(url) || (own !== undefined && fixedValue(own.element) === url);
  });
};

const targetOf = (start: ProfileNode, segments: readonly Segment[]): Target | undefined => {
  let node = start;
  for (const [i, segment] of segments.entries()) {
    if (segment === 'resolve') return undefined;
    if ('type' in segment) continue;
    const next = 'extension' in segment ? extensionNode(node, segment.extension) : node.children.get(segment.name);
    // An extension's url is said by the profile that the slice has.
    if (next === undefined && 'name' in segment && segment.name === 'url' && profileUrls(node).length > 0)
      return { values: profileUrls(node) };
    if (next === undefined) {
      const literal = fixedValue(node.element) ?? patternValue(node.element);
      if (literal === undefined) return undefined;
      return { values: segments.slice(i).reduce<unknown[]>((values, each) => values.flatMap((value) => within(value, each)), [literal]) };
    }
    node = next;
  }
  return { node };
};

const byValue = (target: Target, tools: MatcherTools): Matcher => {
  if ('values' in target) {
    const wanted = target.values.flatMap((value) => value);
    return ({ value }) => wanted.some((each) => matches(value, each));
  }
  const { node } = target;
  const fixed = fixedValue(node.element);
  if (fixed !== undefined) return ({ value }) => equals(value, fixed);
  const pattern = patternValue(node.element);
  if (pattern !== undefined) return ({ value }) => matches(value, pattern);
  return (item, scope) => tools.conforms(node, item, scope);
};

const isOfType = (item: Item, { element, name, isChoice }: ProfileNode): boolean => {
  const codes = (element.type ?? []).map(({ code }) => code);
  const { value } = item;
  if (isObject(value) && typeof value['resourceType'] === 'string') return codes.includes(value['resourceType']);
  return isChoice ? codes.some((code) => capitalized(code) === chosenType(item, name)) : true;
};

const typeOfReference = ({ value }: Item): string | undefined => {
  if (!isObject(value)) return undefined;
  const { reference, type } = value;
  return (typeof reference === 'string' ? referencedType(reference) : undefined) ?? (typeof type === 'string' ? type : undefined);
};

const byType = (slice: ProfileNode, segments: readonly Segment[]): Matcher => {
  const resolved = segments.indexOf('resolve');
  if (resolved === -1) {
    const target = targetOf(slice, segments);
    if (target === undefined || !('node' in target)) return () => undefined;
    return (item) => follow(item, segments).some((each) => isOfType(each, target.node));
  }
  // What a reference points to isn't read, but it says of what type that is.
  const before = segments.slice(0, resolved);
  const target = targetOf(slice, before);
  const types =
    target !== undefined && 'node' in target ? (target.node.element.type ?? []).flatMap(({ targetProfile }) => targetProfile ?? []) : [];
  const names = types.map((url) => url.slice(url.lastIndexOf('/') + 1));
  return (item) => {
    const found = follow(item, before).map(typeOfReference);
    return found.length === 0 || found.includes(undefined) ? undefined : found.some((type) => names.includes(type!));
  };
};

const compileOne = (slice: ProfileNode, { type, path }: Discriminator, tools: MatcherTools): Matcher => {
  const segments = parsePath(path);
  if (segments === undefined) return () => undefined;
  if (type === 'type') return byType(slice, segments);
  const target = targetOf(slice, segments);
  if (target === undefined) return () => undefined;
  if (type === 'exists') {
    const isWanted = !('node' in target) || target.node.element.max !== '0';
    return (item) => follow(item, segments).length > 0 === isWanted;
  }
  if (type === 'profile') {
    const urls = 'node' in target ? profileUrls(target.node) : [];
    return (item, scope) => {
      const found = follow(item, segments).flatMap((each) => urls.map((url) => tools.conformsTo(url, each, scope)));
      return anyOf(found);
    };
  }
  // A slice may be told by there being nothing.
  if ('node' in target && target.node.element.max === '0') return (item) => follow(item, segments).length === 0;
  const test = byValue(target, tools);
  return (item, scope) => anyOf(follow(item, segments).map((each) => test(each, scope)));
};

const anyOf = (found: readonly (boolean | undefined)[]): boolean | undefined =>
  found.includes(true) ? true : found.includes(undefined) ? undefined : false;

/** All discriminators together. */
export const compileMatcher = (slice: ProfileNode, discriminators: readonly Discriminator[], tools: MatcherTools): Matcher => {
  const matchers = discriminators.map((each) => compileOne(slice, each, tools));
  if (matchers.length === 0) return () => undefined;
  return (item, scope) => {
    let result: boolean | undefined = true;
    for (const matcher of matchers) {
      const found = matcher(item, scope);
      if (found === false) return false;
      if (found === undefined) result = undefined;
    }
    return result;
  };
};
