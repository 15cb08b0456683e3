/** The R4 definitions as the server asks for them; everything is derived on first use, so that loading is one JSON.parse. */
import { readFileSync } from 'node:fs';
import { type DefinitionData, type ElementData, searchParameterUrl, type TypeKind } from './data-file.ts';

const DATA_FILE = new URL('data/r4.json', import.meta.url);

export type SearchParameterType = 'string' | 'token' | 'date' | 'number' | 'quantity' | 'reference' | 'uri' | 'composite' | 'special';

export interface SearchParameter {
  readonly code: string;
  readonly type: SearchParameterType;
  readonly url: string;
  /** FHIRPath, a union over all base types; empty for `_text`, `_content` and `_query`, which no path finds. */
  readonly expression: string;
  /** Resource types that a reference may point to; empty: any. */
  readonly targets: readonly string[];
  readonly components?: readonly { readonly definition: string; readonly expression: string }[];
}

export interface ElementDefinition {
  /** Without `[x]`. */
  readonly name: string;
  /** Datatype or path of the backbone element (`Patient.contact`), more than one only for a choice. */
  readonly types: readonly string[];
  readonly min: number;
  /** Infinity for `*`. */
  readonly max: number;
  readonly isChoice: boolean;
  readonly isSummary: boolean;
  /** Url of the value set of a required binding. */
  readonly binding?: string;
  /** Resource types that a Reference here may point to; empty: any. */
  readonly targets: readonly string[];
  /** A Quantity here has no comparator. */
  readonly isSimpleQuantity: boolean;
  /** Path of the element whose content this one repeats; `types` then holds the same path. */
  readonly contentReference?: string;
}

export interface TypeDefinition {
  readonly name: string;
  readonly kind: TypeKind;
  readonly base?: string;
  readonly isAbstract: boolean;
  /** Inherited ones first, in the order of the specification. */
  readonly elements: readonly ElementDefinition[];
  readonly element: ReadonlyMap<string, ElementDefinition>;
}

export interface Registry {
  readonly fhirVersion: string;
  /** The concrete ones, alphabetically. */
  readonly resourceTypes: readonly string[];
  isResourceType(name: string): boolean;
  /** The number that the store persists for a resource type, 1..255. */
  typeId(name: string): number;
  typeName(id: number): string;
  /** Those of Resource and DomainResource included. */
  searchParameters(type: string): readonly SearchParameter[];
  searchParameter(type: string, code: string): SearchParameter | undefined;
  searchParameterByUrl(url: string): SearchParameter | undefined;
  /** By type name or path of a backbone element. */
  type(name: string): TypeDefinition | undefined;
  /** system → codes of a required binding; undefined where it can't be enumerated. */
  valueSet(url: string): ReadonlyMap<string, ReadonlySet<string>> | undefined;
  /** Codes of the search parameters that put a resource of `type` into the compartment. */
  compartment(compartment: string, type: string): readonly string[];
}

const memo = <T>(compute: (key: string) => T): ((key: string) => T) => {
  const known = new Map<string, T>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined && !known.has(key)) {
      value = compute(key);
      known.set(key, value);
    }
    return value as T;
  };
};

const elementOf = (owner: string, name: string, data: ElementData): ElementDefinition => {
  const [min = '0', max = '1'] = data.card?.split('..') ?? [];
  const path = `${owner}.${name}`;
  const types = data.ref === undefined ? (data.type ?? []) : [data.ref];
  const isBackbone = types.length === 1 && (types[0] === 'BackboneElement' || types[0] === 'Element');
  return {
    name,
    types: isBackbone ? [path] : types,
    min: Number(min),
    max: max === '*' ? Infinity : Number(max),
    isChoice: data.choice === 1,
    isSummary: data.summary === 1,
    targets: data.targets ?? [],
    isSimpleQuantity: data.simple === 1,
    ...(data.required !== undefined && { binding: data.required }),
    ...(data.ref !== undefined && { contentReference: data.ref }),
  };
};

/** Throws where the data file is missing: `npm run definitions` makes it. */
export const loadRegistry = (): Registry => createRegistry(JSON.parse(readFileSync(DATA_FILE, 'utf8')) as DefinitionData);

export const createRegistry = (data: DefinitionData): Registry => {
  const resourceTypes = Object.keys(data.types).filter((name) => data.types[name]?.kind === 'resource' && !data.types[name].abstract);
  const ids = new Map(Object.entries(data.typeIds));
  const names = new Map(Object.entries(data.typeIds).map(([name, id]) => [id, name]));

  const type = memo((name: string): TypeDefinition | undefined => {
    const source = Object.hasOwn(data.types, name) ? data.types[name] : undefined;
    if (!source) return undefined;
    const inherited = source.base === undefined ? [] : (type(source.base)?.elements ?? []);
    const own = Object.entries(source.elements ?? {}).map(([element, entry]) => elementOf(name, element, entry));
    const elements = [...inherited, ...own];
    return {
      name,
      kind: source.kind,
      isAbstract: source.abstract === 1,
      elements,
      element: new Map(elements.map((element) => [element.name, element])),
      ...(source.base !== undefined && { base: source.base }),
    };
  });

  let byBase: Map<string, SearchParameter[]> | undefined;
  let byUrl: Map<string, SearchParameter> | undefined;
  const indexParameters = (): Map<string, SearchParameter[]> => {
    if (byBase) return byBase;
    byBase = new Map();
    byUrl = new Map();
    for (const [key, entry] of Object.entries(data.searchParameters)) {
      const parameter: SearchParameter = {
        code: entry.code,
        type: entry.type as SearchParameterType,
        url: searchParameterUrl(key),
        expression: entry.expression ?? '',
        targets: entry.targets ?? [],
        ...(entry.components && {
          components: entry.components.map(([definition, expression]) => ({ definition: searchParameterUrl(definition), expression })),
        }),
      };
      byUrl.set(parameter.url, parameter);
      for (const base of entry.base) {
        const known = byBase.get(base);
        if (known) known.push(parameter);
        else byBase.set(base, [parameter]);
      }
    }
    return byBase;
  };

  const parametersOf = memo((name: string): Map<string, SearchParameter> => {
    const chain: SearchParameter[] = [];
    for (let current: string | undefined = name; current !== undefined; current = type(current)?.base) {
      chain.push(...(indexParameters().get(current) ?? []));
    }
    return new Map(chain.map((parameter) => [parameter.code, parameter]));
  });
  const listOf = memo((name: string): readonly SearchParameter[] => [...parametersOf(name).values()]);

  return {
    fhirVersion: data.fhirVersion,
    resourceTypes,
    isResourceType: (name) => ids.has(name),
    typeId: (name) => {
      const id = ids.get(name);
      if (id === undefined) throw new Error(`${name.slice(0, 40)} is not an R4 resource type; check with isResourceType first`);
      return id;
    },
    typeName: (id) => {
      const name = names.get(id);
      if (name === undefined) throw new Error(`no resource type has the id ${id}; the database was written by a newer version`);
      return name;
    },
    searchParameters: listOf,
    searchParameter: (name, code) => parametersOf(name).get(code),
    searchParameterByUrl: (url) => {
      indexParameters();
      return byUrl?.get(url);
    },
    type,
    valueSet: memo((url: string) => {
      const systems = Object.hasOwn(data.valueSets, url) ? data.valueSets[url] : undefined;
      return systems && new Map(Object.entries(systems).map(([system, codes]) => [system, new Set(codes)]));
    }),
    compartment: (compartment, name) => data.compartments[compartment]?.[name] ?? [],
  };
};
