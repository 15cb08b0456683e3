/** Shape of data/r4.json: what is left of the R4 definitions when the prose is gone; absent fields mean the default named here. */

export interface ElementData {
  /** FHIR types; absent with `ref`. */
  readonly type?: readonly string[];
  /** Cardinality `min..max`; absent: 0..1. */
  readonly card?: string;
  /** Present for `name[x]`. */
  readonly choice?: 1;
  /** Canonical url of the required binding's value set. */
  readonly required?: string;
  /** Resource types that a Reference may point to; absent: any. */
  readonly targets?: readonly string[];
  /** Present where a Quantity is a SimpleQuantity: without a comparator. */
  readonly simple?: 1;
  /** Path of the element whose content this one repeats. */
  readonly ref?: string;
  /** Present where the element belongs to `_summary=true`. */
  readonly summary?: 1;
}

export type TypeKind = 'primitive' | 'complex' | 'backbone' | 'resource';

export interface TypeData {
  readonly kind: TypeKind;
  /** Elements of the base come first and aren't repeated. */
  readonly base?: string;
  readonly abstract?: 1;
  readonly elements?: Readonly<Record<string, ElementData>>;
}

export interface SearchParameterData {
  readonly code: string;
  readonly base: readonly string[];
  readonly type: string;
  readonly expression?: string;
  readonly targets?: readonly string[];
  /** [key of the component's search parameter, expression] */
  readonly components?: readonly (readonly [string, string])[];
}

export interface DefinitionData {
  readonly fhirVersion: string;
  /** Persisted in the store: append-only, a number never changes its meaning. */
  readonly typeIds: Readonly<Record<string, number>>;
  /** Type name, or path of a backbone element, → its own elements. */
  readonly types: Readonly<Record<string, TypeData>>;
  /** Last part of the url → parameter. */
  readonly searchParameters: Readonly<Record<string, SearchParameterData>>;
  /** Compartment → resource type → codes of the search parameters that put it there. */
  readonly compartments: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  /** Value set of a required binding → system → codes; those that can't be expanded are absent. */
  readonly valueSets: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** Url of a search parameter from its key in the data file. */
export const searchParameterUrl = (key: string): string => `http://hl7.org/fhir/SearchParameter/${key}`;

export interface InvariantData {
  readonly key: string;
  readonly severity: 'error' | 'warning';
  /** In words. */
  readonly human: string;
  /** FHIRPath that is true where the rule is kept. */
  readonly expression: string;
}

/** Shape of data/r4-invariants.json: type or path of the element → the rules of its values. */
export type Invariants = Readonly<Record<string, readonly InvariantData[]>>;
