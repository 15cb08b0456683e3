/** Profiles and value sets that clients have stored, as $validate goes by them besides those that the server knows. Source: http://hl7.org/fhir/R4/profiling.html */
import { missingScope } from '../../proto/access/scope.ts';
import type { Call } from '../http/call.ts';
import type { Server } from '../server.ts';
import type { TerminologySource, ValueSet } from '../terminology/resources.ts';
import { storedByCanonical } from '../terminology/stored.ts';
import type { LazyDefinition } from '../validation/profile/profile-source.ts';
import { accessOf } from './terminology-call.ts';
import { elementsOf, type ProfileElement, type StructureDefinition } from '../validation/profile/structure-definition.ts';

/** Look-ups for one question. */
const MAX_LOOKUPS = 20;
/** Slices of one are held against the values of another resource one by one. */
const MAX_ELEMENTS = 2000;

const withoutRules = (element: ProfileElement): ProfileElement => ({ ...element, constraint: [] });

// Expressions of clients could take forever: what they ask for is left open.
const harmless = (definition: StructureDefinition): StructureDefinition => {
  const { context, contextInvariant: _, snapshot, differential, ...rest } = definition;
  return {
    ...rest,
    ...(context?.every(({ type }) => type !== 'fhirpath') && { context }),
    ...(snapshot && { snapshot: { element: snapshot.element.map(withoutRules) } }),
    ...(differential && { differential: { element: differential.element.map(withoutRules) } }),
  };
};

const neededBy = (definition: StructureDefinition): string[] => [
  ...(definition.baseDefinition === undefined ? [] : [definition.baseDefinition]),
  ...elementsOf(definition).flatMap(({ type = [] }) => type.flatMap(({ profile = [] }) => profile)),
];

/** Those of the profiles that only the store has, with what they are made of; none where the client may not read them. */
export const storedProfiles = async (
  server: Server,
  { identity }: Call,
  profiles: readonly string[],
): Promise<readonly LazyDefinition[]> => {
  const found: LazyDefinition[] = [];
  // What one is made of comes before the others: by a part of it nothing can be checked.
  const stack = [...new Set(profiles)].reverse();
  const find = storedByCanonical<StructureDefinition>(server, 'StructureDefinition');
  const seen = new Set<string>();
  let left = MAX_LOOKUPS;
  for (let canonical = stack.pop(); canonical !== undefined; canonical = stack.pop()) {
    if (seen.has(canonical) || server.validator.knows(canonical)) continue;
    seen.add(canonical);
    if (--left < 0 || missingScope(identity.scopes, 'StructureDefinition', 'r') !== undefined) break;
    const definition = await find(server.db, canonical);
    if (definition === undefined || elementsOf(definition).length > MAX_ELEMENTS) continue;
    const resource = harmless(definition);
    found.push({ url: definition.url, resource: () => resource });
    stack.push(...neededBy(definition));
  }
  return found;
};

/** What bindings go by once those of the value sets count too that the store has; undefined where it has none, or the client may not read them. */
export const storedTerminology = async (
  server: Server,
  call: Call,
  valueSets: ReadonlySet<string>,
): Promise<TerminologySource | undefined> => {
  const mayRead = (type: string): boolean => missingScope(call.identity.scopes, type, 'r') === undefined;
  if (valueSets.size === 0 || !mayRead('ValueSet') || !mayRead('CodeSystem')) return undefined;
  const find = storedByCanonical<ValueSet>(server, 'ValueSet');
  const found = new Map<string, ValueSet>();
  for (const canonical of [...valueSets].slice(0, MAX_LOOKUPS)) {
    const valueSet = await find(server.db, canonical);
    if (valueSet !== undefined) found.set(canonical, valueSet);
  }
  if (found.size === 0) return undefined;
  const source = await server.terminology.reach(accessOf(server, call), { valueSets: [...found.values()] });
  return { ...source, valueSet: (canonical) => found.get(canonical) ?? source.valueSet(canonical) };
};
