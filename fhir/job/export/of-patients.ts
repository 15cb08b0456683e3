/** What an export of patients has: their compartments, and what else says of itself whose it is. */
import type { Registry } from '../../definitions/registry.ts';

/**
 * Codes of the search parameters that make a resource of a type a patient's: those of the compartment; of a type that isn't in it, R4's own
 * `patient`, as implanted devices and tasks have it. Source: http://hl7.org/fhir/R4/compartmentdefinition-patient.html
 */
export const codesOfPatients = (registry: Registry, type: string): readonly string[] => {
  const codes = registry.compartment('Patient', type);
  return codes.length > 0 || registry.searchParameter(type, 'patient') === undefined ? codes : ['patient'];
};

export const isOfPatients = (registry: Registry, type: string): boolean => type === 'Patient' || codesOfPatients(registry, type).length > 0;

export const typesOfPatients = (registry: Registry): readonly string[] =>
  registry.resourceTypes.filter((type) => isOfPatients(registry, type));

/** Whether resources of a type come along where something of a patient refers to them; a Binary is fetched by its address. */
export const isReferred = (registry: Registry, type: string): boolean => type !== 'Binary' && !isOfPatients(registry, type);
