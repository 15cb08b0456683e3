/** Whether a resource matches a search, by looking at each of its values. Source: http://hl7.org/fhir/R4/search.html */
import { matchesFilter } from './filter.ts';
import { boundsOf, matchesDate, matchesNumber, matchesQuantity, timesOf } from './interval.ts';
import { hasSomeToken, localOf, matchesReference, matchesString, matchesToken, matchesUri, textsOf } from './match.ts';
import { partsIn } from './composite.ts';
import { isOfKind, type Parameter, parametersOf, PATIENT_COMPARTMENT, type Value, valuesIn } from './parameters.ts';
import type { Query } from './query.ts';
import type { Resource } from './resources.ts';
import { split, unescaped } from './text.ts';

export interface Criterion {
  readonly name: string;
  readonly value: string;
}

export interface World {
  readonly resources: readonly Resource[];
  readonly byName: ReadonlyMap<string, Resource>;
  /** The first versions of those that were others before, or aren't there any more. */
  readonly first: ReadonlyMap<string, Resource>;
}

const byNameOf = (resources: readonly Resource[]): Map<string, Resource> => new Map(resources.map((each) => [nameOf(each), each]));

export const createWorld = (resources: readonly Resource[], before: readonly Resource[]): World => ({
  resources,
  byName: byNameOf(resources),
  first: byNameOf(before),
});

export const valuesFor = (resource: Resource, parameter: Parameter): readonly Value[] =>
  valuesIn(resource, parameter).filter((each) => isOfKind(each, parameter));

export const matchesValue = (value: Value, parameter: Parameter, modifier: string | undefined, text: string): boolean => {
  switch (parameter.type) {
    case 'date':
      return matchesDate(value, text);
    case 'number':
      return matchesNumber(value, text);
    case 'quantity':
      return matchesQuantity(value, text);
    case 'string':
      return matchesString(value, modifier, text);
    case 'token':
      return matchesToken(value, modifier, text);
    case 'reference':
      return matchesReference(value, modifier, text, parameter);
    default:
      return matchesUri(value, modifier, text);
  }
};

/**
 * "don't have a value for the parameter, which usually equates to not having the relevant element": the server's choice is that an
 * element which no search by the parameter could find, such as a reference that only has a display, is no value.
 */
const saysSomething = (value: Value): boolean => {
  const { reference, identifier } = value.value as { reference?: string; identifier?: object };
  switch (value.type) {
    case 'Reference':
      return reference !== undefined || (identifier !== undefined && hasSomeCode(identifier));
    case 'HumanName':
    case 'Address':
      return textsOf(value).length > 0;
    case 'Period':
    case 'Timing':
      return timesOf(value).length > 0;
    case 'Quantity':
      return boundsOf(value).length > 0;
    case 'Coding':
    case 'CodeableConcept':
    case 'Identifier':
    case 'ContactPoint':
      return hasSomeToken(value);
    default:
      return true;
  }
};
const hasSomeCode = ({ system, value }: { system?: string; value?: string }): boolean => system !== undefined || value !== undefined;

export const nameOf = ({ resourceType, id }: Resource): string => `${resourceType}/${id}`;

/** What a value of a reference parameter leads to in this world. */
export const targetsOf = (value: Value, { resources, byName }: World): Resource[] => {
  if (value.type === 'Reference') {
    const { reference } = value.value as { reference?: string };
    const target = reference === undefined ? undefined : byName.get(localOf(reference));
    return target === undefined ? [] : [target];
  }
  // http://hl7.org/fhir/R4/references.html#canonical; an address without a version leads to all of them.
  const [url, version] = (value.value as string).split('|');
  return resources.filter((each) => each['url'] === url && (version === undefined || each['version'] === version));
};

/** The server's choice (fhir/search/README.md): where a chain goes on into what a resource contains. */
const MAX_TYPES_INSIDE = 40;
const NOT_INSIDE = /^(_id|_has|_list|_lastUpdated)\b/;

/** What a reference leads to within its own resource. */
const insideOf = (
  resource: Resource,
  { value }: Value,
  {
    parameter,
    modifier,
    rest,
    isFirst,
  }: { readonly parameter: Parameter; readonly modifier: string | undefined; readonly rest: string; readonly isFirst: boolean },
): Resource[] => {
  const { reference = '' } = value as { reference?: string };
  const types = modifier === undefined ? parameter.targets.length : 1;
  if (types === 0 || types > MAX_TYPES_INSIDE || (types > 1 && rest.includes('.') && !isFirst) || NOT_INSIDE.test(rest)) return [];
  return ((resource['contained'] ?? []) as Resource[]).filter(({ id }) => reference === `#${id}`);
};

export const matches = (world: World, resource: Resource, { name, value }: Criterion, isFirst = true): boolean => {
  if (name.startsWith('_has:')) return has(world, resource, { name, value });
  const dot = name.indexOf('.');
  const [code = '', modifier] = (dot === -1 ? name : name.slice(0, dot)).split(':');
  const alternatives = split(value, ',');
  if (code === '_id') return alternatives.some((each) => unescaped(each) === resource.id) !== (modifier === 'not');
  const parameter = parametersOf(resource.resourceType).get(code);
  if (parameter === undefined) return false;
  if (dot !== -1) {
    const rest = { name: name.slice(dot + 1), value };
    return valuesFor(resource, parameter).some((each) =>
      [...targetsOf(each, world), ...insideOf(resource, each, { parameter, modifier, rest: rest.name, isFirst })].some(
        (target) => isTarget(target, parameter, modifier) && matches(world, target, rest, false),
      ),
    );
  }
  if (parameter.type === 'composite') return alternatives.some((each) => matchesComposite(resource, parameter, each));
  const values = valuesFor(resource, parameter);
  if (modifier === 'missing') return values.some(saysSomething) !== (value === 'true');
  if (modifier === 'not-in') return !matches(world, resource, { name: `${code}:in`, value });
  if (parameter.type === 'reference' && (modifier === 'above' || modifier === 'below') && !/:\/|^urn:/.test(value)) {
    const line = alternatives.flatMap((each) => [...lineOf(world, localOf(each), modifier)]);
    return values.some((each) => line.includes(localOf((each.value as { reference?: string }).reference ?? '')));
  }
  const found = values.some((each) =>
    alternatives.some((text) => matchesValue(each, parameter, modifier === 'not' ? undefined : modifier, text)),
  );
  return found !== (modifier === 'not');
};

/** What lies below or above, itself among it, by what each is a part of. */
const lineOf = (world: World, start: string, modifier: 'above' | 'below'): Set<string> => {
  const line = new Set([start]);
  const parentOf = (name: string): string | undefined => {
    const { reference } = (world.byName.get(name)?.['partOf'] ?? {}) as { reference?: string };
    return reference === undefined ? undefined : localOf(reference);
  };
  // A set goes on to what is added while it is gone through.
  for (const name of line) {
    const next = modifier === 'above' ? [parentOf(name)] : world.resources.map(nameOf).filter((each) => parentOf(each) === name);
    for (const each of next) if (each !== undefined) line.add(each);
  }
  return line;
};

export const isTarget = ({ resourceType }: Resource, { targets }: Parameter, type: string | undefined): boolean =>
  type === undefined ? targets.length === 0 || targets.includes(resourceType) : resourceType === type;

const has = (world: World, resource: Resource, { name, value }: Criterion): boolean => {
  const [, source = '', code = '', ...rest] = name.split(':');
  const parameter = parametersOf(source).get(code)!;
  return world.resources.some(
    (each) =>
      each.resourceType === source &&
      valuesFor(each, parameter).some((reference) => targetsOf(reference, world).includes(resource)) &&
      matches(world, each, { name: rest.join(':'), value }),
  );
};

/** All parts of one and the same instance match. */
const matchesComposite = (resource: Resource, parameter: Parameter, text: string): boolean => {
  const texts = split(text, '$');
  return partsIn(resource, parameter).some((parts) =>
    parts.every(({ parameter: part, values }, i) => values.some((each) => matchesValue(each, part, undefined, texts[i]!))),
  );
};

/** Source: http://hl7.org/fhir/R4/compartmentdefinition-patient.html */
const isOfPatient = (resource: Resource, id: string): boolean =>
  // The server's choice: the patient too.
  nameOf(resource) === `Patient/${id}` ||
  (PATIENT_COMPARTMENT.get(resource.resourceType) ?? []).some((code) => {
    const parameter = parametersOf(resource.resourceType).get(code)!;
    return valuesFor(resource, parameter).some((each) => matchesReference(each, undefined, `Patient/${id}`, parameter));
  });

/** The resources that a search finds, by Type/id; contained ones by the container's Type/id#id. */
export const matchesOf = (world: World, query: Query): string[] => {
  const { types, patient, criteria, filter, contained } = query;
  const isFound = (each: Resource): boolean =>
    types.includes(each.resourceType) &&
    (patient === undefined || isOfPatient(each, patient)) &&
    (filter === undefined || matchesFilter(world, each, filter)) &&
    criteria.every((criterion) => matches(world, each, criterion));
  const alone = contained?.found === 'true' ? [] : world.resources.filter(isFound).map(nameOf);
  if (contained === undefined) return alone;
  const inside = world.resources.flatMap((each) =>
    ((each['contained'] ?? []) as Resource[])
      .filter(isFound)
      .map(({ id }) => (contained.shown === 'container' ? nameOf(each) : `${nameOf(each)}#${id}`)),
  );
  return [...alone, ...new Set(inside)];
};
