/** Each type that the server knows, held against R4's own StructureDefinition of it. */
import { asOfficial } from '../../fhir/definitions/official.ts';
import { isSameType, officialTypes } from '../../fhir/definitions/official-types.ts';
import { sourceTypes } from '../../fhir/definitions/compact.ts';
import type { CaseResult } from './runner.ts';

/** `folder`: of the npm package hl7.fhir.r4.examples. */
export const runDefinitions = (folder: string): CaseResult[] => {
  const served = new Map(asOfficial(sourceTypes()).map((each) => [each.name, each]));
  const official = officialTypes(folder);
  return [...new Set([...served.keys(), ...official.keys()])].map((name) => {
    const [mine, own] = [served.get(name), official.get(name)];
    const fault = mine === undefined ? 'it is missing' : own === undefined ? 'R4 has no such type' : 'its elements are others than in R4';
    const isSame = mine !== undefined && own !== undefined && isSameType(mine, own);
    return { area: 'definitions', name, faults: isSame ? [] : [fault] };
  });
};
