/** Source: http://hl7.org/fhir/R4/capabilitystatement.html */
import { readFileSync } from 'node:fs';
import type { Registry } from '../definitions/registry.ts';
import { isOffered, OPERATIONS } from '../operation/operations.ts';
import { PATCH_FORMATS } from '../patch/parse-patch.ts';
import type { TypeIndex } from '../search/index-plan.ts';
import type { Rules, Server } from '../server.ts';

const INTERACTIONS = ['read', 'vread', 'update', 'patch', 'delete', 'history-instance', 'history-type', 'create', 'search-type'];
const SYSTEM_INTERACTIONS = ['transaction', 'batch', 'history-system'];
/** Answered from columns, not from the search index. */
const COLUMN_PARAMETERS = [
  { name: '_id', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Resource-id' },
  { name: '_lastUpdated', type: 'date', definition: 'http://hl7.org/fhir/SearchParameter/Resource-lastUpdated' },
];

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** What this server does, from the definitions that it serves by. */
export const capabilityStatement = (
  registry: Registry,
  planOf: (type: string) => TypeIndex,
  { baseUrl, rules }: Pick<Server, 'baseUrl' | 'rules'>,
): string =>
  JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date().toISOString(),
    kind: 'instance',
    software: { name: 'Portcullis', version },
    implementation: { description: 'A FHIR server behind a gate that answers for every access', url: baseUrl },
    fhirVersion: registry.fhirVersion,
    format: ['application/fhir+json', 'application/fhir+xml', 'json', 'xml'],
    patchFormat: PATCH_FORMATS,
    rest: [
      {
        mode: 'server',
        security: {
          description:
            'Mutual TLS: the client certificate says who asks, and system scopes (SMART App Launch 2) say what that client may do. Every access is audited before it is answered.',
        },
        resource: registry.resourceTypes.map((type) => resource(type, planOf(type), rules)),
        interaction: SYSTEM_INTERACTIONS.map((code) => ({ code })),
        ...offeredOn(undefined),
      },
    ],
  });

const resource = (type: string, { parameters }: TypeIndex, { conditionalDelete, referentialIntegrity }: Rules): object => {
  const references = [...parameters.values()]
    .filter(({ parameterType }) => parameterType.table === 'ref')
    .map(({ parameter }) => `${type}:${parameter.code}`);
  return {
    type,
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete,
    referencePolicy: ['literal', 'local', ...(referentialIntegrity ? ['enforced'] : [])],
    ...(references.length > 0 && { searchInclude: references }),
    searchParam: [
      ...COLUMN_PARAMETERS,
      ...[...parameters.values()].map(({ parameter }) => ({ name: parameter.code, definition: parameter.url, type: parameter.type })),
    ],
    ...offeredOn(type),
  };
};

const offeredOn = (type: string | undefined): object => {
  const operation = OPERATIONS.filter((each) => isOffered(each, type)).map(({ name, definition }) => ({ name: name.slice(1), definition }));
  return operation.length > 0 ? { operation } : {};
};
