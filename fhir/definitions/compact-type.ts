import type { ElementData, TypeData, TypeKind } from './data-file.ts';

interface SourceElement {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly base?: { readonly path: string };
  readonly type?: readonly { readonly code: string; readonly profile?: readonly string[]; readonly targetProfile?: readonly string[] }[];
  readonly contentReference?: string;
  readonly isSummary?: boolean;
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
}

export interface StructureDefinition {
  readonly resourceType: 'StructureDefinition';
  readonly name: string;
  readonly kind: string;
  readonly abstract: boolean;
  readonly derivation?: string;
  readonly baseDefinition?: string;
  readonly snapshot: { readonly element: readonly SourceElement[] };
}

const KINDS: Readonly<Record<string, TypeKind>> = { 'primitive-type': 'primitive', 'complex-type': 'complex', resource: 'resource' };

const lastPart = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

// The definitions give the parts that XML writes as attributes a FHIRPath system type; their FHIR types are in the prose.
const typeName = (path: string, code: string): string => {
  if (!code.startsWith('http://hl7.org/fhirpath/')) return code;
  return path === 'Resource.id' ? 'id' : path === 'Extension.url' ? 'uri' : 'string';
};

const compactElement = (element: SourceElement): ElementData => {
  const types = [...new Set((element.type ?? []).map(({ code }) => typeName(element.path, code)))];
  const targets = [...new Set((element.type ?? []).filter(({ code }) => code === 'Reference').flatMap((type) => type.targetProfile ?? []))];
  const anyTarget = targets.length === 0 || targets.some((target) => lastPart(target) === 'Resource');
  return {
    ...(types.length > 0 && { type: types }),
    ...((element.min !== 0 || element.max !== '1') && { card: `${element.min}..${element.max}` }),
    ...(element.path.endsWith('[x]') && { choice: 1 as const }),
    ...(element.binding?.strength === 'required' && element.binding.valueSet && { required: element.binding.valueSet.split('|')[0] ?? '' }),
    ...(!anyTarget && { targets: targets.map(lastPart).sort() }),
    ...(element.type?.some(({ profile }) => profile?.[0]?.endsWith('/SimpleQuantity')) && { simple: 1 as const }),
    ...(element.contentReference && { ref: element.contentReference.slice(1) }),
    ...(element.isSummary && { summary: 1 as const }),
  };
};

/** The type of a structure definition and its backbone elements, each with the elements that it doesn't inherit. */
export const compactTypes = (definition: StructureDefinition): Record<string, TypeData> => {
  const { name, kind, abstract, baseDefinition, snapshot } = definition;
  const typeKind = KINDS[kind];
  if (!typeKind) throw new Error(`${name} is of kind ${kind}, which is none of ${Object.keys(KINDS).join(', ')}`);
  const base = baseDefinition === undefined ? {} : { base: lastPart(baseDefinition) };
  const result: Record<string, TypeData> = { [name]: { kind: typeKind, ...base, ...(abstract && { abstract: 1 as const }) } };
  if (typeKind === 'primitive') return result;

  const elements: Record<string, Record<string, ElementData>> = { [name]: {} };
  for (const element of snapshot.element.slice(1)) {
    const dot = element.path.lastIndexOf('.');
    const owner = element.path.slice(0, dot);
    const inherited = element.base !== undefined && element.base.path !== element.path;
    const property = element.path.slice(dot + 1).replace('[x]', '');
    if (!inherited) (elements[owner] ??= {})[property] = compactElement(element);
    const only = element.type?.length === 1 ? element.type[0]?.code : undefined;
    if (only === 'BackboneElement' || only === 'Element') result[element.path] = { kind: 'backbone', base: only };
  }
  for (const [owner, own] of Object.entries(elements)) {
    const type = result[owner];
    if (!type) throw new Error(`${owner} has elements, but is neither a type nor a backbone element`);
    result[owner] = { ...type, elements: own };
  }
  return result;
};
