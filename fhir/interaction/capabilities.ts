/** Source: http://hl7.org/fhir/R4/capabilitystatement.html */
import { readFileSync } from 'node:fs';
import type { Registry } from '../definitions/registry.ts';
import { isOffered, OPERATIONS } from '../operation/operations.ts';
import { PATCH_FORMATS } from '../patch/parse-patch.ts';
import { ANY_TYPE, type TypeIndex } from '../search/index-plan.ts';
import { COMPARTMENTS } from '../search/where.ts';
import type { Rules, Server } from '../server.ts';

const INTERACTIONS = ['read', 'vread', 'update', 'patch', 'delete', 'history-instance', 'history-type', 'create', 'search-type'];
const SYSTEM_INTERACTIONS = ['transaction', 'batch', 'history-system', 'search-system'];
const LIST_NOTE =
  'Resources that a List names: by its id, or, with one patient in the same search, $current-problems, $current-medications, $current-allergies, $current-drug-allergies';
/** Answered from columns, not from the search index. */
const COLUMN_PARAMETERS = [
  { name: '_id', type: 'token', definition: 'http://hl7.org/fhir/SearchParameter/Resource-id' },
  { name: '_lastUpdated', type: 'date', definition: 'http://hl7.org/fhir/SearchParameter/Resource-lastUpdated' },
  { name: '_list', type: 'special', documentation: LIST_NOTE },
  { name: '_has', type: 'special', documentation: '_has:Type:reference:parameter, nested and chained too' },
  { name: '_filter', type: 'special', documentation: 'http://hl7.org/fhir/R4/search_filter.html' },
];

const SEARCH_NOTE =
  '_contained=true and both, with _containedType, are for searches of a type or of those in _type: without _include, _revinclude, _sort, _has, _list and _lastUpdated.';

const PROVENANCE_NOTE =
  ' A create, update or patch, conditional too, takes a Provenance in the header X-Provenance, in JSON and without target: it is stored with the version that the write makes as its target.';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** What this server does, from the definitions that it serves by. */
export const capabilityStatement = (
  registry: Registry,
  planOf: (type: string) => TypeIndex,
  { baseUrl, rules, profiles }: Pick<Server, 'baseUrl' | 'rules'> & { readonly profiles: ReadonlyMap<string, readonly string[]> },
): string => {
  const pointing = pointingTo(registry, planOf);
  return JSON.stringify({
    resourceType: 'CapabilityStatement',
    status: 'active',
    date: new Date().toISOString(),
    kind: 'instance',
    instantiates: ['http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data'],
    software: { name: 'Portcullis', version },
    implementation: { description: 'A FHIR server behind a gate that answers for every access', url: baseUrl },
    fhirVersion: registry.fhirVersion,
    format: ['application/fhir+json', 'application/fhir+xml', 'json', 'xml'],
    patchFormat: PATCH_FORMATS,
    rest: [
      {
        mode: 'server',
        documentation: SEARCH_NOTE + PROVENANCE_NOTE,
        security: {
          description:
            'Mutual TLS: the client certificate says who asks, and system scopes (SMART App Launch 2) say what that client may do. Every access is audited before it is answered.',
        },
        resource: registry.resourceTypes.map((type) =>
          resource(type, planOf(type), { pointing: pointing.get(type) ?? [], profiles: profiles.get(type), rules }),
        ),
        interaction: SYSTEM_INTERACTIONS.map((code) => ({ code })),
        searchParam: [
          ...COLUMN_PARAMETERS,
          { name: '_type', type: 'special', documentation: 'The types to search, with commas between them' },
          ...searchParameters(planOf(ANY_TYPE)),
        ],
        compartment: COMPARTMENTS.map((code) => `http://hl7.org/fhir/CompartmentDefinition/${code.toLowerCase()}`),
        ...offeredOn(undefined),
      },
    ],
  });
};

/** Resource type → the `Source:parameter` that may point to it. */
const pointingTo = (registry: Registry, planOf: (type: string) => TypeIndex): Map<string, string[]> => {
  const found = new Map<string, string[]>();
  for (const source of registry.resourceTypes)
    for (const { parameter, parameterType } of planOf(source).parameters.values()) {
      if (parameterType.table !== 'ref') continue;
      for (const target of parameter.targets.length > 0 ? parameter.targets : registry.resourceTypes)
        found.set(target, [...(found.get(target) ?? []), `${source}:${parameter.code}`]);
    }
  return found;
};

const searchParameters = ({ parameters }: TypeIndex): object[] =>
  [...parameters.values()].map(({ parameter }) => ({ name: parameter.code, definition: parameter.url, type: parameter.type }));

interface Offered {
  readonly pointing: readonly string[];
  /** Those that a resource of the type may claim, and is held against then. */
  readonly profiles: readonly string[] | undefined;
  readonly rules: Rules;
}

const resource = (
  type: string,
  index: TypeIndex,
  { pointing, profiles, rules: { conditionalDelete, referentialIntegrity } }: Offered,
): object => {
  const { parameters } = index;
  const references = [...parameters.values()]
    .filter(({ parameterType }) => parameterType.table === 'ref')
    .map(({ parameter }) => `${type}:${parameter.code}`);
  return {
    type,
    profile: `http://hl7.org/fhir/StructureDefinition/${type}`,
    ...(profiles !== undefined && { supportedProfile: profiles }),
    interaction: INTERACTIONS.map((code) => ({ code })),
    versioning: 'versioned-update',
    readHistory: true,
    updateCreate: true,
    conditionalCreate: true,
    conditionalRead: 'full-support',
    conditionalUpdate: true,
    conditionalDelete,
    referencePolicy: ['literal', 'local', ...(referentialIntegrity ? ['enforced'] : [])],
    searchInclude: ['*', `${type}:*`, ...references],
    searchRevInclude: ['*', ...pointing],
    searchParam: [...COLUMN_PARAMETERS, ...searchParameters(index)],
    ...offeredOn(type),
  };
};

const offeredOn = (type: string | undefined): object => {
  const operation = OPERATIONS.filter((each) => isOffered(each, type)).map(({ name, definition, definitionOn }) => ({
    name: name.slice(1),
    definition: (type === undefined ? undefined : definitionOn?.[type]) ?? definition,
  }));
  return operation.length > 0 ? { operation } : {};
};
