/** What terminology needs of CodeSystem and ValueSet, wherever they come from; each has been found valid before. */
import type { Effort } from './effort.ts';

export interface ConceptProperty {
  readonly code: string;
  readonly [value: `value${string}`]: unknown;
}

export interface Designation {
  readonly language?: string;
  readonly use?: object;
  readonly value: string;
}

export interface Concept {
  readonly code: string;
  readonly display?: string;
  readonly definition?: string;
  readonly designation?: readonly Designation[];
  readonly property?: readonly ConceptProperty[];
  readonly concept?: readonly Concept[];
}

export interface CodeSystem {
  readonly resourceType: 'CodeSystem';
  readonly url?: string;
  readonly version?: string;
  readonly name?: string;
  readonly title?: string;
  readonly status?: string;
  readonly caseSensitive?: boolean;
  readonly content: string;
  /** Canonical address of the value set of all its codes. */
  readonly valueSet?: string;
  readonly property?: readonly { readonly code: string }[];
  readonly filter?: readonly { readonly code: string }[];
  readonly concept?: readonly Concept[];
}

export interface Filter {
  readonly property: string;
  readonly op: string;
  readonly value: string;
}

export interface Include {
  readonly system?: string;
  readonly version?: string;
  readonly concept?: readonly Concept[];
  readonly filter?: readonly Filter[];
  readonly valueSet?: readonly string[];
}

export interface Contained {
  readonly system?: string;
  readonly version?: string;
  readonly code?: string;
  readonly display?: string;
  readonly abstract?: boolean;
  readonly inactive?: boolean;
  readonly contains?: readonly Contained[];
}

export interface ValueSet {
  readonly resourceType: 'ValueSet';
  readonly url?: string;
  readonly version?: string;
  readonly name?: string;
  readonly title?: string;
  readonly status?: string;
  readonly compose?: { readonly include?: readonly Include[]; readonly exclude?: readonly Include[]; readonly inactive?: boolean };
  readonly expansion?: { readonly contains?: readonly Contained[] };
}

export type TerminologyResource = CodeSystem | ValueSet;

/** Where value sets and code systems are looked up; `canonical` may end in `|version`. */
export interface TerminologySource {
  /** Counts what is worked out of what clients have written; absent where all is the operator's. */
  readonly effort?: Effort | undefined;
  codeSystem(canonical: string): CodeSystem | undefined;
  valueSet(canonical: string): ValueSet | undefined;
}

export const splitCanonical = (canonical: string): readonly [url: string, version: string | undefined] => {
  const bar = canonical.indexOf('|');
  return bar === -1 ? [canonical, undefined] : [canonical.slice(0, bar), canonical.slice(bar + 1) || undefined];
};
