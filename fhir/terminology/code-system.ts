/** A code system as its concepts are asked for. Source: http://hl7.org/fhir/R4/codesystem.html */
import type { CodeSystem, Concept, ConceptProperty } from './resources.ts';

export interface Node {
  readonly concept: Concept;
  /** Codes of the concepts right above and below. */
  readonly parents: readonly string[];
  readonly children: readonly string[];
  readonly isInactive: boolean;
  /** There for the hierarchy, not to be chosen. */
  readonly isAbstract: boolean;
}

export interface CodeIndex {
  readonly system: CodeSystem;
  /** In the order of the code system, parents first. */
  readonly nodes: ReadonlyMap<string, Node>;
  node(code: string): Node | undefined;
  /** Whether any concept has such a property. */
  hasProperty(name: string): boolean;
  /** Of the concept itself and everything below it; empty where there is no such concept. */
  withDescendants(code: string): ReadonlySet<string>;
  withAncestors(code: string): ReadonlySet<string>;
}

export const propertyValue = (property: ConceptProperty): unknown => {
  const key = Object.keys(property).find((name) => name.startsWith('value'));
  return key === undefined ? undefined : (property as unknown as Readonly<Record<string, unknown>>)[key];
};

/** The values of a concept's property as filters compare them. */
export const propertyValues = ({ property = [] }: Concept, code: string): string[] =>
  property.flatMap((each) => {
    if (each.code !== code) return [];
    const value = propertyValue(each);
    const coding = value as { readonly code?: unknown } | undefined;
    return [String(typeof value === 'object' && value !== null ? coding?.code : value)];
  });

const isTrue = (concept: Concept, code: string): boolean => propertyValues(concept, code).includes('true');
const INACTIVE = new Set(['retired', 'deprecated', 'inactive', 'withdrawn']);
const isInactive = (concept: Concept): boolean =>
  isTrue(concept, 'inactive') || propertyValues(concept, 'status').some((status) => INACTIVE.has(status.toLowerCase()));

interface Draft {
  readonly concept: Concept;
  readonly parents: Set<string>;
  readonly children: Set<string>;
}

const build = (system: CodeSystem): CodeIndex => {
  const drafts = new Map<string, Draft>();
  const collect = (concepts: readonly Concept[], parent: string | undefined): void => {
    for (const concept of concepts) {
      let draft = drafts.get(concept.code);
      if (draft === undefined) drafts.set(concept.code, (draft = { concept, parents: new Set(), children: new Set() }));
      if (parent !== undefined) draft.parents.add(parent);
      collect(concept.concept ?? [], concept.code);
    }
  };
  collect(system.concept ?? [], undefined);
  for (const [code, { concept, parents }] of drafts) {
    for (const name of ['parent', 'subsumedBy']) for (const parent of propertyValues(concept, name)) parents.add(parent);
    for (const child of propertyValues(concept, 'child')) drafts.get(child)?.parents.add(code);
  }
  for (const [code, { parents }] of drafts) for (const parent of parents) drafts.get(parent)?.children.add(code);
  const nodes = new Map(
    [...drafts].map(([code, { concept, parents, children }]): [string, Node] => [
      code,
      {
        concept,
        parents: [...parents],
        children: [...children],
        isInactive: isInactive(concept),
        isAbstract: isTrue(concept, 'notSelectable') || isTrue(concept, 'abstract'),
      },
    ]),
  );
  const folded = system.caseSensitive === false ? new Map([...nodes].map(([code, node]) => [code.toLowerCase(), node])) : undefined;
  const node = (code: string): Node | undefined => nodes.get(code) ?? folded?.get(code.toLowerCase());

  const closure = (code: string, next: 'parents' | 'children'): Set<string> => {
    const start = node(code);
    const found = new Set<string>(start === undefined ? [] : [start.concept.code]);
    // A set may grow while it is walked through: it ends when nothing new is met, cycles or not.
    for (const each of found) for (const other of nodes.get(each)?.[next] ?? []) if (nodes.has(other)) found.add(other);
    return found;
  };
  let properties: ReadonlySet<string> | undefined;
  const hasProperty = (name: string): boolean =>
    (properties ??= new Set([...nodes.values()].flatMap(({ concept }) => (concept.property ?? []).map(({ code }) => code)))).has(name);
  return {
    system,
    nodes,
    node,
    hasProperty,
    withDescendants: (code) => closure(code, 'children'),
    withAncestors: (code) => closure(code, 'parents'),
  };
};

const indexes = new WeakMap<CodeSystem, CodeIndex>();

/** Built once for each code system. */
export const codeIndex = (system: CodeSystem): CodeIndex => {
  let index = indexes.get(system);
  if (index === undefined) indexes.set(system, (index = build(system)));
  return index;
};
