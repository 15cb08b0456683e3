/** A search as it was understood. */
import type { Issue } from '../http/outcome.ts';
import type { IndexedParameter } from './index-plan.ts';

/** One `name=value`; several values are alternatives. */
export interface Criterion {
  /** As written, with modifier and chain. */
  readonly name: string;
  readonly test: Test;
}

export type Test =
  | ParameterTest
  | CodesTest
  | HierarchyTest
  | IdTest
  | UpdatedTest
  | ListTest
  | ChainTest
  | HasTest
  | CompartmentTest
  | LogicalTest
  | NotTest;

export interface ParameterTest {
  readonly kind: 'parameter';
  readonly indexed: IndexedParameter;
  readonly modifier: string | undefined;
  /** Still escaped. */
  readonly values: readonly string[];
  /** A value that is another one is looked for (`ne` of _filter). */
  readonly isUnequal?: true;
}

/** A token that is in a value set, or above or below another code. */
export interface CodesTest {
  readonly kind: 'codes';
  readonly indexed: IndexedParameter;
  readonly modifier: 'in' | 'not-in' | 'above' | 'below';
  /** Still escaped. */
  readonly values: readonly string[];
  /** What the values mean, once the terminology has been asked (resolve.ts). */
  readonly codes?: readonly { readonly system: string; readonly code: string }[];
}

/** A reference to a resource of a hierarchy, or to what lies above or below it. */
export interface HierarchyTest {
  readonly kind: 'hierarchy';
  readonly indexed: IndexedParameter;
  readonly modifier: 'above' | 'below';
  readonly references: readonly string[];
  /** What leads from a resource of the hierarchy to the one above. */
  readonly parent: readonly IndexedParameter[];
}

export interface IdTest {
  readonly kind: 'id';
  /** Unescaped. */
  readonly values: readonly string[];
}

export interface UpdatedTest {
  readonly kind: 'updated';
  readonly values: readonly string[];
}

/** Resources that a List names. */
export interface ListTest {
  readonly kind: 'list';
  /** Logical ids of Lists, and names of functional ones until they are looked up (resolve.ts). */
  readonly values: readonly string[];
  /** Whose functional lists are meant, as `Patient/<id>`. */
  readonly patient?: string;
  readonly item: IndexedParameter;
}

/** What `url|version` names a resource by. Source: http://hl7.org/fhir/R4/references.html#canonical */
export interface CanonicalTarget {
  readonly url: IndexedParameter;
  /** Undefined where resources of the type aren't found by their version: only addresses without one lead there. */
  readonly version: IndexedParameter | undefined;
}

export interface ChainTest {
  readonly kind: 'chain';
  readonly indexed: IndexedParameter;
  /** The types that the reference may lead to, each with what the resource there must match. */
  readonly targets: readonly {
    readonly type: string;
    readonly criterion: Criterion;
    /** How a canonical address leads there. */
    readonly canonical: CanonicalTarget | undefined;
    /** What a resource of the type must match that is contained where the reference is; undefined where none of them is looked for. */
    readonly inside: Criterion | undefined;
  }[];
}

/** Resources that another one, which matches, points to. */
export interface HasTest {
  readonly kind: 'has';
  readonly source: string;
  readonly indexed: IndexedParameter;
  readonly criterion: Criterion;
  /** How a canonical address leads here. */
  readonly canonical: CanonicalTarget | undefined;
}

/** Resources that point to the one whose compartment it is, or are it. */
export interface CompartmentTest {
  readonly kind: 'compartment';
  readonly reference: string;
  readonly parameters: readonly IndexedParameter[];
}

export interface LogicalTest {
  readonly kind: 'and' | 'or';
  readonly criteria: readonly Criterion[];
}

export interface NotTest {
  readonly kind: 'not';
  readonly criterion: Criterion;
}

export interface SortParameter extends IndexedParameter {
  readonly type: string;
}

export interface SortKey {
  readonly code: string;
  readonly descending: boolean;
  /** Absent for _id and _lastUpdated; one per type that is searched. */
  readonly indexed: readonly SortParameter[] | undefined;
}

export interface Include {
  /** Whose references are followed. */
  readonly source: string;
  readonly parameters: readonly IndexedParameter[];
  /** Only resources of this type. */
  readonly target: string | undefined;
  readonly iterate: boolean;
}

/** What is searched of one resource type; of ANY_TYPE, of all. */
export interface Branch {
  readonly type: string;
  readonly criteria: readonly Criterion[];
}

/** What of contained resources a search looks for. */
export interface ContainedSearch {
  /** Resources that stand alone are looked for too. */
  readonly withOthers: boolean;
  /** What is answered for a contained resource: its container, or itself. */
  readonly shown: 'container' | 'contained';
  /** Of types of contained resources (contained.ts). */
  readonly branches: readonly Branch[];
  /** The types of containers that the caller may search; undefined for all. */
  readonly containers: readonly string[] | undefined;
}

export interface SearchRequest {
  /** Address after the base, as in `Patient` or `Patient/1/Observation`. */
  readonly path: string;
  /** What matches one of them matches. */
  readonly branches: readonly Branch[];
  readonly contained: ContainedSearch | undefined;
  readonly sort: readonly SortKey[];
  readonly count: number;
  readonly cursor: readonly (string | number | null)[] | undefined;
  readonly includes: readonly Include[];
  readonly revincludes: readonly Include[];
  readonly total: boolean;
  readonly onlyCount: boolean;
  /** The parameters that were used, for the self link. */
  readonly used: readonly (readonly [name: string, value: string])[];
  /** What was left out on the client's wish (Prefer: handling=lenient). */
  readonly warnings: readonly Issue[];
}
