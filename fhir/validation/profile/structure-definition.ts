/** What of a StructureDefinition a profile is compiled from. Source: http://hl7.org/fhir/R4/profiling.html */

export interface Discriminator {
  readonly type: string;
  readonly path: string;
}

export interface ElementType {
  readonly code: string;
  readonly profile?: readonly string[];
  readonly targetProfile?: readonly string[];
}

export interface ProfileElement {
  readonly id?: string;
  readonly path: string;
  readonly sliceName?: string;
  readonly contentReference?: string;
  readonly min?: number;
  readonly max?: string;
  readonly maxLength?: number;
  readonly slicing?: { readonly discriminator?: readonly Discriminator[]; readonly rules: string; readonly ordered?: boolean };
  readonly type?: readonly ElementType[];
  /** At the root: of an extension that stands in modifierExtension alone. */
  readonly isModifier?: boolean;
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
  readonly constraint?: readonly {
    readonly key: string;
    readonly severity: string;
    readonly human: string;
    readonly expression?: string;
  }[];
}

export interface StructureDefinition {
  readonly resourceType: 'StructureDefinition';
  readonly url: string;
  readonly version?: string;
  readonly name?: string;
  readonly type: string;
  readonly derivation?: string;
  /** Where an extension may stand; one of them is enough. Source: http://hl7.org/fhir/R4/defining-extensions.html#context */
  readonly context?: readonly { readonly type: string; readonly expression: string }[];
  /** FHIRPath that must all be true of what is extended. */
  readonly contextInvariant?: readonly string[];
  readonly snapshot?: { readonly element: readonly ProfileElement[] };
}

/** An element of a profile with what is below it, and the slices that it is divided into. */
export interface ProfileNode {
  readonly element: ProfileElement;
  /** Without `[x]`. */
  readonly name: string;
  readonly isChoice: boolean;
  readonly sliceName: string | undefined;
  readonly children: Map<string, ProfileNode>;
  readonly slices: Map<string, ProfileNode>;
}

const nodeOf = (element: ProfileElement, segment: string): ProfileNode => {
  const [written = '', sliceName] = segment.split(':', 2);
  const isChoice = written.endsWith('[x]');
  return { element, name: isChoice ? written.slice(0, -3) : written, isChoice, sliceName, children: new Map(), slices: new Map() };
};

/** The tree of a snapshot, by the ids of its elements such as `Patient.extension:race.url`; throws where one has no parent. */
export const profileTree = ({ url, snapshot }: StructureDefinition): ProfileNode => {
  const [first, ...rest] = snapshot?.element ?? [];
  if (first === undefined) throw new Error(`the profile ${url} has no snapshot`);
  const root = nodeOf(first, first.path);
  const nodes = new Map<string, ProfileNode>([[first.id ?? first.path, root]]);
  for (const element of rest) {
    const id = element.id ?? element.path;
    const dot = id.lastIndexOf('.');
    const segment = id.slice(dot + 1);
    const parent = nodes.get(id.slice(0, dot));
    if (parent === undefined) throw new Error(`the element ${id} of the profile ${url} has no parent`);
    const node = nodeOf(element, segment);
    nodes.set(id, node);
    if (node.sliceName === undefined) parent.children.set(node.name, node);
    else {
      let sliced = parent.children.get(node.name);
      // A slice of what isn't itself mentioned: as some write extensions.
      if (sliced === undefined) parent.children.set(node.name, (sliced = nodeOf({ path: element.path }, segment.split(':', 1)[0]!)));
      sliced.slices.set(node.sliceName, node);
    }
  }
  return root;
};

const valueOf = (element: ProfileElement, prefix: string): unknown => {
  for (const [key, value] of Object.entries(element)) if (key.startsWith(prefix) && /^[A-Z]/.test(key.slice(prefix.length))) return value;
  return undefined;
};
export const fixedValue = (element: ProfileElement): unknown => valueOf(element, 'fixed');
/** The least and the most that a value may be. */
export const limits = (element: ProfileElement): { readonly least: unknown; readonly most: unknown } => ({
  least: valueOf(element, 'minValue'),
  most: valueOf(element, 'maxValue'),
});
export const patternValue = (element: ProfileElement): unknown => valueOf(element, 'pattern');
