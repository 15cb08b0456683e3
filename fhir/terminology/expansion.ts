/** The codes of a value set. Source: http://hl7.org/fhir/R4/valueset.html#compositions */
import { FhirError } from '../http/outcome.ts';
import { codeIndex, type Node } from './code-system.ts';
import { STEPS_TO_ADD, UNCOUNTED } from './effort.ts';
import { compileFilters } from './filter.ts';
import { completeSystem } from './membership.ts';
import type { Contained, Designation, Include, TerminologySource, ValueSet } from './resources.ts';

export interface ExpandedCode {
  readonly system: string;
  readonly version?: string | undefined;
  readonly code: string;
  readonly display?: string | undefined;
  readonly isInactive: boolean;
  readonly isAbstract: boolean;
  readonly designations: readonly Designation[];
  /** Where it stands in its code system, which may not be loaded. */
  readonly node?: Node | undefined;
}

/** By system and code, in order. */
type Codes = Map<string, ExpandedCode>;

/** Codes that one value set may have, and value sets that it may include, all told. */
const MAX_CODES = 50_000;
const MAX_VALUE_SETS = 200;

const keyOf = (system: string, code: string): string => `${system} ${code}`;

const expanded = (node: Node, system: string, version: string | undefined): ExpandedCode => ({
  system,
  version,
  code: node.concept.code,
  display: node.concept.display,
  isInactive: node.isInactive,
  isAbstract: node.isAbstract,
  designations: node.concept.designation ?? [],
  node,
});

/** Throws where it needs what isn't loaded (422) or would be too large. */
export const expandValueSet = (valueSet: ValueSet, source: TerminologySource): readonly ExpandedCode[] => {
  const effort = source.effort ?? UNCOUNTED;
  let valueSets = 0;

  const add = (codes: Codes, code: ExpandedCode): void => {
    effort.spend(STEPS_TO_ADD);
    codes.set(keyOf(code.system, code.code), code);
    if (codes.size > MAX_CODES) {
      throw new FhirError(
        'too-costly',
        `the value set has more than ${MAX_CODES} codes: expand a smaller one, or ask $validate-code for one code`,
      );
    }
  };

  const ofSystem = (include: Include): Codes => {
    const { system, version, concept, filter } = include;
    const codes: Codes = new Map();
    if (concept !== undefined) {
      const known = source.codeSystem(version === undefined ? system! : `${system}|${version}`);
      for (const { code, display, designation } of concept) {
        const node = known && codeIndex(known).node(code);
        add(codes, {
          system: system!,
          version: version ?? known?.version,
          code,
          display: display ?? node?.concept.display,
          isInactive: node?.isInactive ?? false,
          isAbstract: node?.isAbstract ?? false,
          designations: designation ?? node?.concept.designation ?? [],
          node,
        });
      }
      return codes;
    }
    const found = completeSystem(source, system!, version);
    if (typeof found === 'string') throw notLoaded(found);
    const index = codeIndex(found);
    const narrow = compileFilters(filter ?? [], index, effort);
    for (const node of narrow([...index.nodes.values()], effort)) add(codes, expanded(node, system!, found.version));
    return codes;
  };

  const ofInclude = (include: Include, pending: ReadonlySet<string>): Codes => {
    let result = include.system === undefined ? undefined : ofSystem(include);
    for (const url of include.valueSet ?? []) {
      const other = source.valueSet(url);
      if (other === undefined) throw notLoaded(`the value set ${url.slice(0, 200)} is not loaded`);
      const codes = expand(other, pending);
      effort.spend((result?.size ?? 0) * STEPS_TO_ADD);
      result = result === undefined ? codes : new Map([...result].filter(([key]) => codes.has(key)));
    }
    return result ?? new Map();
  };

  const fromExpansion = (contains: readonly Contained[], codes: Codes): Codes => {
    for (const { system, version, code, display, abstract, inactive, contains: below } of contains) {
      if (system !== undefined && code !== undefined) {
        add(codes, { system, version, code, display, isInactive: inactive === true, isAbstract: abstract === true, designations: [] });
      }
      fromExpansion(below ?? [], codes);
    }
    return codes;
  };

  const expand = ({ url = '', compose, expansion }: ValueSet, pending: ReadonlySet<string>): Codes => {
    if (url !== '' && pending.has(url)) throw new FhirError('unprocessable', `the value set ${url.slice(0, 200)} includes itself`);
    if (++valueSets > MAX_VALUE_SETS) throw new FhirError('too-costly', `the value set includes more than ${MAX_VALUE_SETS} others`);
    if (compose === undefined) {
      if (expansion === undefined) throw notLoaded(`the value set ${url.slice(0, 200)} says nothing of its content`);
      return fromExpansion(expansion.contains ?? [], new Map());
    }
    const inner = new Set([...pending, url]);
    const codes: Codes = new Map();
    for (const include of compose.include ?? []) for (const code of ofInclude(include, inner).values()) add(codes, code);
    for (const exclude of compose.exclude ?? []) for (const key of ofInclude(exclude, inner).keys()) codes.delete(key);
    if (compose.inactive === false) for (const [key, { isInactive }] of codes) if (isInactive) codes.delete(key);
    return codes;
  };

  return [...expand(valueSet, new Set()).values()];
};

/** What can't be told since something isn't loaded; the answer is no no. */
export const notLoaded = (reason: string): FhirError =>
  new FhirError('unprocessable', `${reason}: store it here, or put its package into FHIR_PACKAGES`, {
    issues: [{ severity: 'error', code: 'not-found', diagnostics: `${reason}: store it here, or put its package into FHIR_PACKAGES` }],
  });
