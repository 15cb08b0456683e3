/** The parameters that shape the answer of a search, not what matches. */
import { FhirError, type Issue } from '../http/outcome.ts';
import { parseIncludes } from './parse-include.ts';
import { parseSort } from './parse-sort.ts';
import { type Parsing, unknown } from './parsing.ts';

const CONTROL = new Set([
  '_count',
  '_sort',
  '_include',
  '_revinclude',
  '_total',
  '_totalMethod', // fhirpy's count(): sent along with _count=0, which says it all
  '_summary',
  '_cursor',
  '_format',
  '_pretty',
  '_elements',
  '_contained',
  '_containedType',
  '_type',
]);
const WITH_MODIFIER = new Set(['_include', '_revinclude']);
const base = (name: string): string => name.split(':', 1)[0]!;

type Pair = readonly [name: string, value: string];

export const isControl = (name: string): boolean => CONTROL.has(base(name));

/**
 * Those of the parameters that can be gone by; empty ones are left aside (http://hl7.org/fhir/R4/search.html#errors). Throws 400 on one with a
 * modifier, which would have no effect; where the client wishes so (Prefer: handling=lenient), these and orders and includes that aren't known
 * are left out, with a warning each.
 */
export const controlsOf = (
  types: readonly string[],
  pairs: readonly Pair[],
  p: Parsing,
): { controls: readonly Pair[]; warnings: Issue[] } => {
  const warnings: Issue[] = [];
  const controls = pairs.filter((pair) => {
    const [name, value] = pair;
    if (!isControl(name)) return false;
    // An empty one asks for nothing, and is no error; a cursor that lost its value would lead back to the first page.
    if (value === '' && name !== '_cursor') return false;
    try {
      check(types, pair, p);
      return true;
    } catch (error) {
      if (!p.lenient || !(error instanceof FhirError) || error.kind !== 'not-supported') throw error;
      warnings.push(leftOut(error, name));
      return false;
    }
  });
  return { controls, warnings };
};

const check = (types: readonly string[], pair: Pair, p: Parsing): void => {
  const [name, value] = pair;
  const plain = base(name);
  if (name !== plain && !WITH_MODIFIER.has(plain)) {
    const instead = plain === '_sort' ? ': write a minus before a key that shall run downwards' : '';
    throw unknown(name, `${name.slice(0, 80)}: ${plain} takes no modifier${instead}`);
  }
  // Else they are read once, and all together.
  if (!p.lenient) return;
  if (plain === '_sort') parseSort(types, value, p);
  if (WITH_MODIFIER.has(plain)) parseIncludes(types, [pair], p, p);
};

/** What is said of a parameter that was left out. */
export const leftOut = (error: FhirError, name: string): Issue => ({
  severity: 'warning',
  code: 'not-supported',
  diagnostics: `${error.message} (left out)`,
  expression: `http.${name}`,
});
