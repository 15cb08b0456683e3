import { CHECKED_KEYS } from '../validation/datatype-rules.ts';
import type { InvariantData, Invariants } from './data-file.ts';

interface Constrained {
  readonly path: string;
  readonly constraint?: readonly {
    readonly key: string;
    readonly severity: string;
    readonly human: string;
    readonly expression?: string;
    readonly source?: string;
  }[];
}

export interface ConstrainedDefinition {
  readonly url: string;
  readonly derivation?: string;
  readonly snapshot: { readonly element: readonly Constrained[] };
}

/** Where R4's own words say another thing than its expression. */
const CORRECTED: Readonly<Record<string, string>> = {
  // Boolean is the system's type, which no answer has.
  'que-7': "operator = 'exists' implies (answer is boolean)",
  // Two conditions are more than one.
  'que-12': 'enableWhen.count() > 1 implies enableBehavior.exists()',
};

const SEVERITY: Readonly<Record<string, InvariantData['severity']>> = { error: 'error', warning: 'warning' };

/** The invariants of base definitions by type or path of the element; without those that are checked without FHIRPath. */
export const compactInvariants = (definitions: Iterable<ConstrainedDefinition>): Invariants => {
  const result: Record<string, InvariantData[]> = {};
  for (const { url, derivation, snapshot } of definitions) {
    if (derivation === 'constraint') continue;
    for (const { path, constraint = [] } of snapshot.element) {
      for (const { key, severity, human, expression, source = url } of constraint) {
        const known = SEVERITY[severity];
        if (known === undefined || expression === undefined || source !== url || CHECKED_KEYS.has(key)) continue;
        (result[path] ??= []).push({ key, severity: known, human: human.trim(), expression: CORRECTED[key] ?? expression });
      }
    }
  }
  return result;
};
