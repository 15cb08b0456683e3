/** Searching through references, and against them. Source: http://hl7.org/fhir/R4/search.html#chaining, http://hl7.org/fhir/R4/search.html#has */
import { FhirError } from '../http/outcome.ts';
import { containedType, isContainedType } from './contained.ts';
import { ANY_TYPE, type IndexedParameter } from './index-plan.ts';
import { forbidden, parseCriterion } from './parse-criterion.ts';
import { canonicalTarget, type Parsing, requireParameter, spend, unknown } from './parsing.ts';
import type { Criterion } from './request.ts';

export interface Chain {
  readonly type: string;
  readonly code: string;
  readonly modifier: string | undefined;
  readonly name: string;
  /** What follows the dot. */
  readonly rest: string;
  readonly value: string;
}

/** `subject:Patient.organization.name=…`: what the reference leads to must match the rest. */
export const parseChain = ({ type, code, modifier, name, rest, value }: Chain, p: Parsing, depth: number): Criterion =>
  chainTo({ type, code, modifier, name: p.before + name }, p, (target, within) =>
    parseCriterion(target, rest, value, after(name, rest, within), depth + 1),
  );

/** For what follows in a name. */
const after = (name: string, rest: string, p: Parsing): Parsing => ({ ...p, before: p.before + name.slice(0, name.length - rest.length) });

type CriterionOf = (type: string, p: Parsing) => Criterion;

/** The chain through a reference to what `criterionOf` says of each type there. */
export const chainTo = (
  { type, code, modifier, name }: Pick<Chain, 'type' | 'code' | 'modifier' | 'name'>,
  p: Parsing,
  criterionOf: CriterionOf,
): Criterion => {
  const indexed = requireParameter(type, code, name, p);
  if (indexed.parameterType.table !== 'ref')
    throw unknown(name, `${name.slice(0, 80)}: ${code} is no reference, so that nothing can be searched through it`);
  if (modifier !== undefined && !p.registry.isResourceType(modifier))
    throw unknown(name, `${name.slice(0, 80)}: ${modifier.slice(0, 40)} is no resource type`);
  if (!p.mayChain) throw unknown(name, `${name.slice(0, 80)}: ${code} leads on from what is contained`);
  // Before what follows is looked at: what leads nowhere multiplies too.
  spend(p, name);
  const { targets } = indexed.parameter;
  const possible = modifier === undefined ? (targets.length > 0 ? targets : p.registry.resourceTypes) : [modifier];
  const further = { ...p, isFirst: false };
  const withinOne = { ...further, mayChain: p.isFirst || possible.length === 1 };
  let reason: FhirError | undefined;
  const found = possible.flatMap((target) => {
    try {
      const criterion = criterionOf(target, further);
      spend(p, name);
      return { type: target, criterion };
    } catch (error) {
      // A parameter that one of the possible types hasn't, or that the caller may not use there, is no error while another has it.
      if (modifier !== undefined || !(error instanceof FhirError) || !PASSED_OVER.has(error.kind)) throw error;
      if (reason === undefined || error.kind === 'forbidden') reason = error;
      return [];
    }
  });
  if (found.length === 0) {
    if (reason?.kind === 'forbidden' || (reason !== undefined && possible.length === 1)) throw reason;
    throw unknown(name, `${name.slice(0, 80)}: nothing that ${code} points to has such a parameter`);
  }
  const reachable = found.filter(({ type: target }) => p.allowed(target, 's'));
  if (reachable.length === 0) throw forbidden(name, found[0]!.type);
  const mayBeInside = type !== ANY_TYPE && !isContainedType(type) && possible.length <= MAX_TYPES_INSIDE;
  const branches = reachable.map((each) => ({
    ...each,
    canonical: isCanonical(indexed) ? canonicalTarget(each.type, p) : undefined,
    inside: mayBeInside ? criterionInside(each.type, name, withinOne, criterionOf) : undefined,
  }));
  return { name, test: { kind: 'chain', indexed, targets: branches } };
};

const PASSED_OVER = new Set(['not-supported', 'forbidden']);

/**
 * A reference to any type is followed to what stands alone only, unless it is said of which type that is; and a chain goes on from what is
 * contained only where that is of one type, or in the resource that is searched. Else its branches would double with each step: 33 ms became
 * 165 for ImagingStudy?basedon.subject.patient.name.
 */
const MAX_TYPES_INSIDE = 40;

/** What a contained resource of the type must match; undefined where nothing of the kind can be said of one. */
const criterionInside = (type: string, name: string, p: Parsing, criterionOf: CriterionOf): Criterion | undefined => {
  const within = { ...p, budget: p.insideBudget };
  try {
    const criterion = criterionOf(containedType(type), within);
    // The id of a contained resource says nothing outside of its container.
    if (asksForId(criterion)) return undefined;
    spend(within, name);
    return criterion;
  } catch (error) {
    if (error instanceof FhirError && PASSED_OVER.has(error.kind)) return undefined;
    throw error;
  }
};

const asksForId = ({ test }: Criterion): boolean => {
  switch (test.kind) {
    case 'id':
      return true;
    case 'and':
    case 'or':
      return test.criteria.some(asksForId);
    case 'not':
      return asksForId(test.criterion);
    default:
      return false;
  }
};

const isCanonical = ({ datatypes }: IndexedParameter): boolean => datatypes.some((each) => each === 'canonical' || each === 'uri');

/** `_has:Observation:patient:code=…`: an Observation that matches must point here by `patient`. */
export const parseHas = (type: string, written: string, value: string, p: Parsing, depth: number): Criterion => {
  const [, source = '', code = '', ...rest] = written.split(':');
  const name = p.before + written;
  if (!p.registry.isResourceType(source) || code === '' || rest.length === 0 || rest[0] === '')
    throw unknown(name, `${name.slice(0, 80)}: write _has:Type:reference:parameter, such as _has:Observation:patient:code`);
  const indexed = requireParameter(source, code, name, p);
  const { targets } = indexed.parameter;
  if (indexed.parameterType.table !== 'ref' || (type !== ANY_TYPE && targets.length > 0 && !targets.includes(type)))
    throw unknown(name, `${name.slice(0, 80)}: ${source}.${code} doesn't point to ${type}`);
  spend(p, name);
  const wanted = rest.join(':');
  const criterion = parseCriterion(source, wanted, value, after(written, wanted, p), depth + 1);
  if (!p.allowed(source, 's')) throw forbidden(name, source);
  return {
    name,
    test: { kind: 'has', source, indexed, criterion, canonical: isCanonical(indexed) ? canonicalTarget(type, p) : undefined },
  };
};
