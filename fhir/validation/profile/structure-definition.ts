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
  readonly baseDefinition?: string;
  readonly snapshot?: { readonly element: readonly ProfileElement[] };
  /** What the profile says besides its base; counts where there is no snapshot. */
  readonly differential?: { readonly element: readonly ProfileElement[] };
}

export const elementsOf = ({ snapshot, differential }: StructureDefinition): readonly ProfileElement[] =>
  (snapshot ?? differential)?.element ?? [];

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

/** Gives ids to elements that have none, as in many differentials: what follows a slice is below it. */
const createIds = (): ((element: ProfileElement) => string) => {
  const latest = new Map<string, string>();
  return ({ id, path, sliceName }) => {
    const dot = path.lastIndexOf('.');
    const parent = latest.get(path.slice(0, Math.max(dot, 0)));
    const own = parent === undefined ? path : `${parent}${path.slice(dot)}`;
    const made = id ?? (sliceName === undefined ? own : `${own}:${sliceName}`);
    latest.set(path, made);
    return made;
  };
};

/**
 * The tree of the elements, by their ids such as `Patient.extension:race.url`. A differential leaves out what it has nothing to say of; in a
 * snapshot each element has its parent: throws where one has none.
 */
export const profileTree = (definition: StructureDefinition): ProfileNode => {
  const { url, type, snapshot } = definition;
  const elements = elementsOf(definition);
  if (elements.length === 0) throw new Error(`the profile ${url} has neither a snapshot nor a differential`);
  const nodes = new Map<string, ProfileNode>();
  const idOf = createIds();
  const first = elements[0]!;
  const isRooted = !first.path.includes('.');
  const root = nodeOf(isRooted ? first : { path: type }, isRooted ? first.path : type);
  nodes.set(isRooted ? idOf(first) : type, root);

  const put = (id: string, element: ProfileElement): ProfileNode => {
    const dot = id.lastIndexOf('.');
    const segment = id.slice(dot + 1);
    const parentId = id.slice(0, Math.max(dot, 0));
    let parent = nodes.get(parentId);
    if (parent === undefined) {
      if (snapshot !== undefined || parentId === '') throw new Error(`the element ${id} of the profile ${url} has no parent`);
      parent = put(parentId, { path: parentId.replaceAll(/:[^.]*/g, '') });
    }
    const node = nodeOf(element, segment);
    nodes.set(id, node);
    if (node.sliceName === undefined) parent.children.set(node.name, node);
    else {
      let sliced = parent.children.get(node.name);
      // A slice of what isn't itself mentioned: as some write extensions.
      if (sliced === undefined) parent.children.set(node.name, (sliced = nodeOf({ path: element.path }, segment.split(':', 1)[0]!)));
      sliced.slices.set(node.sliceName, node);
    }
    return node;
  };
  for (const element of isRooted ? elements.slice(1) : elements) put(idOf(element), element);
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
