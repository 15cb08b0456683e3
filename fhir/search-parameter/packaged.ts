/** What the SearchParameters of FHIR packages mean to this server, and why some mean nothing to it. */
import type { FhirPackage } from '../definitions/package.ts';
import type { Registry } from '../definitions/registry.ts';
import { isObject } from '../json/value.ts';
import { type Definition, type DefinitionContext, isStandard, type OtherParameter, ownerOf, readDefinition } from './definition.ts';

export interface PackagedDefinition {
  /** Name and version. */
  readonly package: string;
  readonly definition: Definition;
}

export interface Unusable {
  readonly package: string;
  /** Within the package. */
  readonly file: string;
  readonly url: string;
  readonly reason: string;
}

export interface PackagedParameters {
  readonly usable: readonly PackagedDefinition[];
  readonly unusable: readonly Unusable[];
  /** How many are R4's own, by their url or by code and type on every base type: those are searched by as R4 says. */
  readonly standard: number;
}

interface Candidate {
  readonly package: string;
  readonly file: string;
  readonly url: string;
  readonly read: () => Readonly<Record<string, unknown>>;
}

/** The label of a package in logs, in the table and in answers. */
export const packageLabel = ({ name, version }: Pick<FhirPackage, 'name' | 'version'>): string => `${name}#${version}`;

/**
 * Of all packages, in their order: the first of a url counts, and what `clients` have defined counts before all. Never throws: what can't be
 * gone by is told, for an operator can't mend a package.
 */
export const packagedParameters = (
  packages: readonly FhirPackage[],
  { registry, baseUrl, clients }: Omit<DefinitionContext, 'others'> & { readonly clients: readonly OtherParameter[] },
): PackagedParameters => {
  const usable: PackagedDefinition[] = [];
  const unusable: Unusable[] = [];
  let standard = 0;
  const tryOne = (candidate: Candidate): void => {
    try {
      const resource = candidate.read();
      if (resource['status'] === 'retired') return;
      const others = [...clients, ...usable.map(asOther)];
      const owner = others.find(({ parameter }) => parameter.url === resource['url']);
      if (owner !== undefined) throw new Error(`${ownerOf(owner)} has defined this url already, and that one counts`);
      const wanted = withoutStandard(resource, registry);
      const definition = wanted && readDefinition(wanted, { registry, baseUrl, others });
      if (definition === undefined) standard++;
      else usable.push({ package: candidate.package, definition });
    } catch (error) {
      const { package: label, file, url } = candidate;
      unusable.push({ package: label, file, url, reason: (error as Error).message.slice(0, 500) });
    }
  };
  const { simple, composite } = candidatesOf(packages, (fault) => unusable.push(fault));
  // A composite may have components of any package.
  for (const candidate of [...simple, ...composite]) tryOne(candidate);
  return { usable, unusable, standard };
};

const asOther = ({ package: label, definition }: PackagedDefinition): OtherParameter => ({
  ...definition,
  id: definition.parameter.url,
  package: label,
});

const candidatesOf = (
  packages: readonly FhirPackage[],
  onFault: (fault: Unusable) => void,
): { readonly simple: readonly Candidate[]; readonly composite: readonly Candidate[] } => {
  const found = { simple: [] as Candidate[], composite: [] as Candidate[] };
  for (const each of packages) {
    for (const { resourceType, file, url, resource } of each.resources) {
      if (resourceType !== 'SearchParameter') continue;
      const named = { package: packageLabel(each), file, url };
      try {
        const read = resource();
        requireShape(read, url);
        found[read['type'] === 'composite' ? 'composite' : 'simple'].push({ ...named, read: () => read });
      } catch (error) {
        onFault({ ...named, reason: (error as Error).message.slice(0, 500) });
      }
    }
  }
  return found;
};

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every((each) => typeof each === 'string');

/** What a client's has by the validation of its write: throws naming the element that isn't as R4 wants it. */
const requireShape = (resource: unknown, url: string): void => {
  if (!isObject(resource) || resource['resourceType'] !== 'SearchParameter') throw new Error('the file holds no SearchParameter');
  if (resource['url'] !== url) throw new Error('its url is another one than the index of the package says');
  for (const name of ['code', 'type', 'status'])
    if (typeof resource[name] !== 'string') throw new Error(`SearchParameter.${name} is one text`);
  if (!isTexts(resource['base'])) throw new Error('SearchParameter.base is a list of resource types');
  if (resource['target'] !== undefined && !isTexts(resource['target']))
    throw new Error('SearchParameter.target is a list of resource types');
  const { component } = resource;
  const isComponent = (each: unknown): boolean => isObject(each) && typeof each['definition'] === 'string';
  if (component !== undefined && !(Array.isArray(component) && component.every(isComponent)))
    throw new Error('SearchParameter.component is a list, each with a definition');
};

/**
 * Only for base types on which R4 hasn't a parameter of that code and type already; undefined where none is left. A draft counts too: the
 * operator has put the package there.
 */
const withoutStandard = (
  resource: Readonly<Record<string, unknown>>,
  registry: Registry,
): Readonly<Record<string, unknown>> | undefined => {
  if (isStandard(resource, registry)) return undefined;
  const { code, type } = resource as { code: string; type: string };
  const base = (resource['base'] as readonly string[]).filter((each) => registry.searchParameter(each, code)?.type !== type);
  return base.length === 0 ? undefined : { ...resource, id: resource['url'], status: 'active', base };
};
