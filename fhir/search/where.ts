/** Where a search looks: one type, several, or a compartment. Source: http://hl7.org/fhir/R4/http.html#search, http://hl7.org/fhir/R4/compartmentdefinition.html */
import { FhirError } from '../http/outcome.ts';
import { ANY_TYPE, type IndexedParameter } from './index-plan.ts';
import { type Parsing, unknown } from './parsing.ts';
import type { Criterion } from './request.ts';

export interface Where {
  /** Absent: all types, or those that `_type` names. */
  readonly type?: string | undefined;
  readonly compartment?: { readonly type: string; readonly id: string } | undefined;
}

/** Resource types that have compartments. */
export const COMPARTMENTS = ['Patient', 'Encounter', 'RelatedPerson', 'Practitioner', 'Device'];

/** Address after the base. */
export const pathOf = ({ type, compartment }: Where): string =>
  compartment === undefined ? (type ?? '') : `${compartment.type}/${compartment.id}/${type ?? '*'}`;

/** The types to search, or ANY_TYPE alone for all; throws 403 where the caller may not search one. */
export const typesOf = ({ type, compartment }: Where, listed: readonly string[], p: Parsing): string[] => {
  if (compartment !== undefined && !COMPARTMENTS.includes(compartment.type))
    throw unknown(compartment.type, `there is no compartment of a ${compartment.type}: there are those of ${COMPARTMENTS.join(', ')}`);
  if (type !== undefined) {
    if (listed.length > 0) throw unknown('_type', `_type is for searches over several types: leave it out of one for ${type}`);
    if (compartment !== undefined && parametersOf(compartment.type, type, p).length === 0 && type !== compartment.type)
      throw unknown(type, `no ${type} is ever in the compartment of a ${compartment.type}`);
    return [type];
  }
  const types = [...new Set(listed.flatMap((each) => each.split(',')).filter(Boolean))];
  const wrong = types.find((each) => !p.registry.isResourceType(each));
  if (wrong !== undefined) throw new FhirError('value', `_type=${wrong.slice(0, 60)} is no resource type`, { expression: 'http._type' });
  const missing = types.length === 0 ? (p.allowed('*', 's') ? undefined : '*') : types.find((each) => !p.allowed(each, 's'));
  if (missing !== undefined) throw new FhirError('forbidden', `this search needs the scope system/${missing}.s`);
  return types.length === 0 ? [ANY_TYPE] : types;
};

const parametersOf = (compartment: string, type: string, { registry, planOf }: Parsing): IndexedParameter[] =>
  registry.compartment(compartment, type).flatMap((code) => planOf(type).parameters.get(code) ?? []);

/** The criterion that a resource of the type is in the compartment. */
export const compartmentOf = ({ compartment }: Where, type: string, p: Parsing): Criterion[] => {
  if (compartment === undefined) return [];
  const types = type === ANY_TYPE ? p.registry.resourceTypes : [type];
  const parameters = types.flatMap((each) => parametersOf(compartment.type, each, p));
  const reference = `${compartment.type}/${compartment.id}`;
  return [{ name: '_compartment', test: { kind: 'compartment', reference, parameters } }];
};
