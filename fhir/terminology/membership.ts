/** Whether a code is in a value set, found out without expanding it. Source: http://hl7.org/fhir/R4/valueset.html#compositions */
import { codeIndex, type Node } from './code-system.ts';
import { type Effort, STEPS_TO_ADD, UNCOUNTED } from './effort.ts';
import { compileFilters } from './filter.ts';
import type { CodeSystem, Concept, Contained, Include, TerminologySource, ValueSet } from './resources.ts';

/** `unknown`: it depends on what isn't loaded, which `reason` names. */
export type Membership =
  | { readonly is: 'in'; readonly display: string | undefined; readonly node?: Node }
  | { readonly is: 'out' }
  | { readonly is: 'unknown'; readonly reason: string };

const OUT: Membership = { is: 'out' };
const unknown = (reason: string): Membership => ({ is: 'unknown', reason });

export interface Code {
  /** Undefined where only the code is known, as of an element of the type code. */
  readonly system: string | undefined;
  readonly version?: string | undefined;
  readonly code: string;
}

/** Why a code system can't be relied on: R4's definitions name SNOMED CT and LOINC, but hold none of their concepts. */
export const incomplete = (canonical: string, system: CodeSystem | undefined): string =>
  system === undefined || system.content === 'not-present'
    ? `the code system ${canonical.slice(0, 200)} is not loaded`
    : `of the code system ${canonical.slice(0, 200)} only a part is loaded (${system.content})`;

const PARTS: ReadonlySet<unknown> = new Set(['fragment', 'example']);

/** A code that is among the concepts of a code system, of which only a part may be here: what a part lacks, the whole may have. */
export const knownNode = (system: CodeSystem | undefined, code: string): Node | undefined =>
  system !== undefined && (system.content === 'complete' || PARTS.has(system.content)) ? codeIndex(system).node(code) : undefined;

const canonicalOf = (system: string, version: string | undefined): string => (version === undefined ? system : `${system}|${version}`);

/** The code system with all of its concepts, or why not. */
export const completeSystem = (source: TerminologySource, url: string, version: string | undefined): CodeSystem | string => {
  const canonical = canonicalOf(url, version);
  const system = source.codeSystem(canonical);
  return system?.content === 'complete' ? system : incomplete(canonical, system);
};

const listedCodes = new WeakMap<readonly Concept[], ReadonlyMap<string, Concept>>();
const listed = (concepts: readonly Concept[]): ReadonlyMap<string, Concept> => {
  let codes = listedCodes.get(concepts);
  if (codes === undefined) listedCodes.set(concepts, (codes = new Map(concepts.map((concept) => [concept.code, concept]))));
  return codes;
};

const compiledFilters = new WeakMap<Include, { readonly system: CodeSystem; readonly narrow: ReturnType<typeof compileFilters> }>();
const passes = (node: Node, include: Include, { system, effort }: { readonly system: CodeSystem; readonly effort: Effort }): boolean => {
  let known = compiledFilters.get(include);
  if (known?.system !== system) {
    known = { system, narrow: compileFilters(include.filter ?? [], codeIndex(system), effort) };
    compiledFilters.set(include, known);
  }
  return known.narrow([node], effort).length > 0;
};

const inSystem = (include: Include, { system, version, code }: Code, source: TerminologySource): Membership => {
  if (system !== undefined && system !== include.system) return OUT;
  if (version !== undefined && include.version !== undefined && version !== include.version) return OUT;
  if (include.concept !== undefined) {
    const concept = listed(include.concept).get(code);
    if (concept === undefined) return OUT;
    const known = source.codeSystem(include.system!);
    const node = known && codeIndex(known).node(code);
    return { is: 'in', display: concept.display ?? node?.concept.display, ...(node && { node }) };
  }
  const found = completeSystem(source, include.system!, include.version);
  if (typeof found === 'string') {
    // What is there is in, unless more is asked of it than that.
    const there =
      (include.filter ?? []).length > 0 ? undefined : knownNode(source.codeSystem(canonicalOf(include.system!, include.version)), code);
    return there === undefined ? unknown(found) : { is: 'in', display: there.concept.display, node: there };
  }
  const node = codeIndex(found).node(code);
  if (node === undefined || !passes(node, include, { system: found, effort: source.effort ?? UNCOUNTED })) return OUT;
  return { is: 'in', display: node.concept.display, node };
};

/** The value sets that the question is being asked of, and what came of those that it was asked of. */
interface Walk {
  readonly pending: ReadonlySet<string>;
  readonly known: Map<ValueSet, Membership>;
}

const inInclude = (include: Include, code: Code, source: TerminologySource, walk: Walk): Membership => {
  let result: Membership | undefined;
  const parts = [
    ...(include.system === undefined ? [] : [() => inSystem(include, code, source)]),
    ...(include.valueSet ?? []).map((url) => () => {
      const other = source.valueSet(url);
      return other === undefined ? unknown(`the value set ${url.slice(0, 200)} is not loaded`) : inValueSet(other, code, source, walk);
    }),
  ];
  for (const part of parts) {
    const found = part();
    if (found.is === 'out') return OUT;
    if (result === undefined || found.is === 'unknown') result = found;
  }
  return result ?? OUT;
};

const inExpansion = (contains: readonly Contained[], { system, code }: Code, effort: Effort): Membership => {
  effort.spend(contains.length);
  for (const each of contains) {
    if (each.code === code && each.abstract !== true && (system === undefined || each.system === system))
      return { is: 'in', display: each.display };
    const below = each.contains === undefined ? OUT : inExpansion(each.contains, { system, code }, effort);
    if (below.is === 'in') return below;
  }
  return OUT;
};

export const membership = (valueSet: ValueSet, code: Code, source: TerminologySource): Membership =>
  inValueSet(valueSet, code, source, { pending: new Set(), known: new Map() });

// One that is included on many ways is asked once: they could be as many as two to the power of their number.
const inValueSet = (valueSet: ValueSet, code: Code, source: TerminologySource, walk: Walk): Membership => {
  let found = walk.known.get(valueSet);
  if (found === undefined) walk.known.set(valueSet, (found = compute(valueSet, code, source, walk)));
  return found;
};

const compute = (valueSet: ValueSet, code: Code, source: TerminologySource, { pending, known }: Walk): Membership => {
  const { url = '', compose, expansion } = valueSet;
  if (pending.has(url) && url !== '') return unknown(`the value set ${url.slice(0, 200)} includes itself`);
  if (compose === undefined) {
    return expansion === undefined
      ? unknown(`the value set ${url.slice(0, 200)} says nothing of its content`)
      : inExpansion(expansion.contains ?? [], code, source.effort ?? UNCOUNTED);
  }
  const inner: Walk = { pending: new Set([...pending, url]), known };
  const any = (includes: readonly Include[]): Membership => {
    let result: Membership = OUT;
    source.effort?.spend(includes.length * STEPS_TO_ADD);
    for (const include of includes) {
      const found = inInclude(include, code, source, inner);
      if (found.is === 'in') return found;
      if (found.is === 'unknown') result = found;
    }
    return result;
  };
  const included = any(compose.include ?? []);
  if (included.is === 'out') return included;
  if (included.is === 'in' && compose.inactive === false && included.node?.isInactive === true) return OUT;
  const excluded = any(compose.exclude ?? []);
  return excluded.is === 'out' ? included : excluded.is === 'in' ? OUT : excluded;
};
