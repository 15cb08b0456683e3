/** Codes of one system as codes of another, by one concept map. Source: http://hl7.org/fhir/R4/conceptmap.html */

/** What a mapping depends on or brings along: a value of an element. */
export interface Attribute {
  readonly property: string;
  readonly system?: string;
  readonly value: string;
  readonly display?: string;
}

export interface MapTarget {
  readonly code?: string;
  readonly display?: string;
  readonly equivalence: string;
  readonly dependsOn?: readonly Attribute[];
  readonly product?: readonly Attribute[];
}

export interface MapElement {
  readonly code?: string;
  readonly display?: string;
  readonly target?: readonly MapTarget[];
}

export interface Unmapped {
  readonly mode: 'provided' | 'fixed' | 'other-map';
  readonly code?: string;
  readonly display?: string;
  readonly url?: string;
}

export interface MapGroup {
  readonly source?: string;
  readonly sourceVersion?: string;
  readonly target?: string;
  readonly targetVersion?: string;
  readonly element?: readonly MapElement[];
  readonly unmapped?: Unmapped;
}

export interface ConceptMap {
  readonly resourceType: 'ConceptMap';
  readonly url?: string;
  readonly version?: string;
  readonly status?: string;
  readonly sourceUri?: string;
  readonly sourceCanonical?: string;
  readonly targetUri?: string;
  readonly targetCanonical?: string;
  readonly group?: readonly MapGroup[];
}

/** The code to translate; `version` of its system where it is known. */
export interface SourceCode {
  readonly system: string;
  readonly version?: string | undefined;
  readonly code: string;
}

/** A value that an element is known to have. */
export interface Dependency {
  readonly element: string;
  readonly codings: readonly { readonly system?: string | undefined; readonly code?: string | undefined }[];
  readonly text?: string | undefined;
}

export interface TranslateQuestion {
  readonly code: SourceCode;
  /** Only codes of this system. */
  readonly targetSystem: string | undefined;
  readonly dependencies: readonly Dependency[];
  /** The codes that are mapped to this one, instead of those that it is mapped to. */
  readonly reverse: boolean;
}

export interface Match {
  readonly equivalence: string;
  /** Absent where the map says that there is none. */
  readonly concept:
    | {
        readonly system?: string | undefined;
        readonly version?: string | undefined;
        readonly code: string;
        readonly display?: string | undefined;
      }
    | undefined;
  readonly dependsOn: readonly Attribute[];
  /** Whether what it depends on is known to be so. */
  readonly isCertain: boolean;
  readonly product: readonly Attribute[];
}

export interface Translation {
  readonly matches: readonly Match[];
  /** Canonical addresses of maps to ask for what isn't in this one. */
  readonly otherMaps: readonly string[];
}

/** Equivalences tell how the target is to the source: the other way round they are these. */
const REVERSED: Readonly<Record<string, string>> = {
  wider: 'narrower',
  narrower: 'wider',
  subsumes: 'specializes',
  specializes: 'subsumes',
};

type Standing = 'holds' | 'open' | 'fails';

/** Whether a dependency is as the map wants it; open where nothing is said of its element. */
const standingOf = ({ property, system, value }: Attribute, dependencies: readonly Dependency[]): Standing => {
  const given = dependencies.filter(({ element }) => element === property);
  if (given.length === 0) return 'open';
  const holds = given.some(
    ({ codings, text }) =>
      text === value || codings.some((each) => each.code === value && (system === undefined || each.system === system)),
  );
  return holds ? 'holds' : 'fails';
};

const isOfVersion = (own: string | undefined, asked: string | undefined): boolean =>
  own === undefined || asked === undefined || own === asked;

const coding = (
  system: string | undefined,
  version: string | undefined,
  { code, display }: { readonly code?: string | undefined; readonly display?: string | undefined },
): Match['concept'] => (code === undefined ? undefined : { system, version, code, display });

const forwards = (group: MapGroup, { code, dependencies }: TranslateQuestion): Translation => {
  const elements = (group.element ?? []).filter((each) => each.code === code.code);
  const { unmapped } = group;
  if (elements.length === 0 && unmapped !== undefined) return forUnmapped(group, unmapped, code);
  const matches = elements.flatMap(({ target = [] }) =>
    target.flatMap((each): Match[] => {
      const { equivalence, dependsOn = [], product = [] } = each;
      const standings = dependsOn.map((attribute) => standingOf(attribute, dependencies));
      if (standings.includes('fails')) return [];
      const concept = coding(group.target, group.targetVersion, each);
      return [{ equivalence, concept, dependsOn, product, isCertain: !standings.includes('open') }];
    }),
  );
  return { matches, otherMaps: [] };
};

const forUnmapped = ({ target, targetVersion }: MapGroup, unmapped: Unmapped, { code }: SourceCode): Translation => {
  if (unmapped.mode === 'other-map') return { matches: [], otherMaps: unmapped.url === undefined ? [] : [unmapped.url] };
  const concept = coding(target, targetVersion, unmapped.mode === 'provided' ? { code } : unmapped);
  if (concept === undefined) return { matches: [], otherMaps: [] };
  // The map doesn't say how the two stand to each other.
  return { matches: [{ equivalence: 'relatedto', concept, dependsOn: [], product: [], isCertain: true }], otherMaps: [] };
};

const backwards = (group: MapGroup, { code }: TranslateQuestion): Translation => {
  const matches = (group.element ?? []).flatMap((element) =>
    (element.target ?? []).flatMap(({ code: target, equivalence, dependsOn = [], product = [] }): Match[] => {
      if (target !== code.code) return [];
      const concept = coding(group.source, group.sourceVersion, element);
      return [{ equivalence: REVERSED[equivalence] ?? equivalence, concept, dependsOn, product, isCertain: dependsOn.length === 0 }];
    }),
  );
  return { matches, otherMaps: [] };
};

/** What one map says of a code. */
export const translateBy = ({ group: groups = [] }: ConceptMap, question: TranslateQuestion): Translation => {
  const { code, targetSystem, reverse } = question;
  const all = groups.flatMap((group): Translation[] => {
    const [from, version, to] = reverse
      ? [group.target, group.targetVersion, group.source]
      : [group.source, group.sourceVersion, group.target];
    if (from !== undefined && from !== code.system) return [];
    if (!isOfVersion(version, code.version) || (targetSystem !== undefined && to !== undefined && to !== targetSystem)) return [];
    const found = reverse ? backwards(group, question) : forwards(group, question);
    return [targetSystem === undefined || to !== undefined ? found : { ...found, matches: [] }];
  });
  return { matches: all.flatMap(({ matches }) => matches), otherMaps: all.flatMap(({ otherMaps }) => otherMaps) };
};

/** Whether a match is a translation, and not the word that there is none. */
export const isTranslation = ({ equivalence, concept, isCertain }: Match): boolean =>
  concept !== undefined && isCertain && equivalence !== 'unmatched' && equivalence !== 'disjoint';
