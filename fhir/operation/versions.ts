import type { Operation } from './operation.ts';
import { answerWith, parametersResource } from './terminology-call.ts';

/** As the parameter `fhirVersion` of a media type has it. Source: http://hl7.org/fhir/R4/http.html#version-parameter */
const VERSION = '4.0';

/** The versions of FHIR that are served: this one. Source: http://hl7.org/fhir/R4/capabilitystatement-operation-versions.html */
export const versions: Operation = {
  name: '$versions',
  definition: 'http://hl7.org/fhir/OperationDefinition/CapabilityStatement-versions',
  levels: ['system'],
  types: [],
  isRead: true,
  scopes: () => [],
  run: (server, call) => answerWith(server, call, parametersResource(['version', 'default'].map((name) => ({ name, valueCode: VERSION })))),
};
