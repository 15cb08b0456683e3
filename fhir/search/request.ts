/** A search as it was understood. */
import type { Issue } from '../http/outcome.ts';
import type { IndexedParameter } from './index-plan.ts';

/** One `name=value`; several values are alternatives. */
export interface Criterion {
  /** As written, with modifier and chain. */
  readonly name: string;
  readonly test: ParameterTest | IdTest | UpdatedTest | ChainTest;
}

export interface ParameterTest {
  readonly kind: 'parameter';
  readonly indexed: IndexedParameter;
  readonly modifier: string | undefined;
  /** Still escaped. */
  readonly values: readonly string[];
}

export interface IdTest {
  readonly kind: 'id';
  readonly values: readonly string[];
}

export interface UpdatedTest {
  readonly kind: 'updated';
  readonly values: readonly string[];
}

export interface ChainTest {
  readonly kind: 'chain';
  readonly indexed: IndexedParameter;
  /** The types that the reference may lead to, each with what the resource there must match. */
  readonly targets: readonly { readonly type: string; readonly criterion: Criterion }[];
}

export interface SortKey {
  readonly code: string;
  readonly descending: boolean;
  /** Absent for _id and _lastUpdated. */
  readonly indexed: IndexedParameter | undefined;
}

export interface Include {
  /** Whose references are followed. */
  readonly source: string;
  readonly parameters: readonly IndexedParameter[];
  /** Only resources of this type. */
  readonly target: string | undefined;
  readonly iterate: boolean;
}

export interface SearchRequest {
  readonly type: string;
  readonly criteria: readonly Criterion[];
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
