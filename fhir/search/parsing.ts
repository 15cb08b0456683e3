/** What parsing a search works with, and the refusals that its parts share. */
import type { ScopeLetter } from '../../proto/access/scope.ts';
import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { spokenType } from './contained.ts';
import { ANY_TYPE, type IndexedParameter, type TypeIndex } from './index-plan.ts';
import { isEscaped, splitUnescaped } from './parameter/escape.ts';
import type { CanonicalTarget } from './request.ts';

export interface ParseContext {
  readonly registry: Registry;
  readonly planOf: (type: string) => TypeIndex;
}

export interface ParseOptions {
  /** Leave out what isn't known, with a warning, instead of refusing it. */
  readonly lenient: boolean;
  /** Whether the caller may do this to resources of a type; searching through a reference is searching there too. */
  readonly allowed: (type: string, letter: ScopeLetter) => boolean;
}

/** One search that is being parsed. */
export interface Parsing extends ParseContext, ParseOptions {
  /** What may still be searched through: chains over references of many types multiply. */
  readonly budget: { left: number };
  /** The same of what is searched in contained resources, so that no chain is refused for the sake of those. */
  readonly insideBudget: { left: number };
  /** Whether what is searched next may itself be searched through. */
  readonly mayChain: boolean;
  /** What stands before a parameter that is asked for through references, as in `_has:Observation:patient:`; its refusal names the whole. */
  readonly before: string;
  /** Whether no reference was searched through yet. */
  readonly isFirst: boolean;
}

const MAX_BRANCHES = 300;
const MAX_ALTERNATIVES = 500;

export const startParsing = (context: ParseContext, options: ParseOptions): Parsing => ({
  ...context,
  ...options,
  budget: { left: MAX_BRANCHES },
  insideBudget: { left: 4 * MAX_BRANCHES },
  mayChain: true,
  before: '',
  isFirst: true,
});

/** Throws 413 where a search goes through more types than it may. */
export const spend = ({ budget }: Parsing, name: string): void => {
  if (--budget.left < 0)
    throw new FhirError('too-costly', `${name.slice(0, 80)} leads through too many types: name them, as in subject:Patient.name`, {
      expression: `http.${name.slice(0, 80)}`,
    });
};

export const unknown = (name: string, diagnostics: string): FhirError =>
  new FhirError('not-supported', diagnostics, { expression: `http.${name.slice(0, 100)}` });

/** Refused whatever the client prefers: without its modifier a parameter means something else (http://hl7.org/fhir/R4/search.html#modifiers). */
export class WrongModifier extends FhirError {
  constructor(name: string, diagnostics: string) {
    super('not-supported', diagnostics, { expression: `http.${name.slice(0, 100)}` });
  }
}

/** What is asked by can be in a while. */
export class StillIndexed extends FhirError {
  constructor(name: string, diagnostics: string) {
    super('not-supported', diagnostics, { expression: `http.${name.slice(0, 100)}` });
  }
}

export const badValue = (name: string, diagnostics: string): FhirError =>
  new FhirError('value', diagnostics, { expression: `http.${name.slice(0, 100)}` });

/** The values between commas, still escaped. */
export const alternatives = (name: string, value: string): string[] => {
  const values = splitUnescaped(value, ',');
  if (values.length > MAX_ALTERNATIVES)
    throw new FhirError('too-costly', `${name} has more than ${MAX_ALTERNATIVES} alternatives`, { expression: `http.${name}` });
  if (!isEscaped(value))
    throw badValue(name, `${name}: a backslash stands before a comma, bar, dollar sign or backslash; write it as \\\\`);
  if (values.some((each) => each === '')) throw badValue(name, `${name} has an empty value: give one, or leave ${name} out`);
  return values;
};

/** How canonical addresses lead to resources of a type; undefined where they have none. */
export const canonicalTarget = (type: string, { planOf }: Pick<ParseContext, 'planOf'>): CanonicalTarget | undefined => {
  const { parameters } = planOf(type);
  const { url, version } = { url: parameters.get('url'), version: parameters.get('version') };
  if (url?.parameterType.table !== 'uri') return undefined;
  return { url, version: version?.parameterType.table === 'token' ? version : undefined };
};

/** Throws 400 that lists what there is. */
export const requireParameter = (type: string, code: string, name: string, { registry, planOf }: ParseContext): IndexedParameter => {
  const indexed = planOf(type).parameters.get(code);
  if (indexed !== undefined) return indexed;
  const pending = planOf(type).pending.get(code);
  if (pending !== undefined) throw new StillIndexed(name, `${type}.${code} is being indexed and can't be searched by yet: ${pending()}`);
  if (registry.searchParameter(type, code) !== undefined)
    throw unknown(name, `${type}.${code} is a search parameter that this server doesn't index`);
  const known = [...planOf(type).parameters.keys()].sort().join(', ');
  throw unknown(
    name,
    type === ANY_TYPE
      ? `no search parameter ${code.slice(0, 60)} is common to all resource types: name types with _type, or use one of ${known}`
      : `${spokenType(type)} has no search parameter ${code.slice(0, 60)}: it has ${known}`,
  );
};
