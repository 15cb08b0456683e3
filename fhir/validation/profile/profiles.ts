/** The profiles that this server knows, each compiled when it is first claimed. */
import type { Registry } from '../../definitions/registry.ts';
import { FhirError } from '../../http/outcome.ts';
import { isObject, type Json } from '../../json/value.ts';
import type { TerminologySource } from '../../terminology/resources.ts';
import type { Findings } from '../findings.ts';
import type { InvariantChecker } from '../invariants.ts';
import type { Step } from '../typed-walk.ts';
import { type CompiledProfile, compileProfile } from './compile-profile.ts';
import { createExtensionPlaces } from './extension-place.ts';
import type { ProfileSource } from './profile-source.ts';

export interface Profiles {
  /** Whether a profile is known, or is the definition of a type. */
  knows(url: string): boolean;
  /** Checks a resource by a profile; says why where it can't be. */
  check(url: string, resource: Json, findings: Findings): string | undefined;
  /** Checks an extension by its definition, if that is known, and whether it stands where it may. */
  checkExtension(step: Step, findings: Findings): void;
}

export interface ProfilesOptions {
  readonly registry: Registry;
  readonly source: ProfileSource;
  readonly terminology: TerminologySource;
  readonly invariants: () => InvariantChecker;
  readonly isBaseRule: (key: string) => boolean;
  /** So often values may be held against profiles and slices, all together; then 413 is thrown. Without it: any number. */
  readonly limit?: number;
}

const BASE = 'http://hl7.org/fhir/StructureDefinition/';
/** Addresses come from clients: more than these are looked up again. */
const KNOWN_ADDRESSES = 5000;

export const createProfiles = ({ registry, source, limit, ...tools }: ProfilesOptions): Profiles => {
  let left = limit ?? Infinity;
  const spend = (count: number): void => {
    left -= count;
    if (left < 0) throw new FhirError('too-costly', `values are held against profiles more than ${limit} times: ask for fewer profiles`);
  };
  const limited = (made: CompiledProfile): CompiledProfile => ({
    ...made,
    check: (...of) => {
      spend(1);
      made.check(...of);
    },
  });
  const compiled = new Map<string, CompiledProfile | string>();
  const make = (url: string): CompiledProfile | string => {
    try {
      const definition = source.find(url);
      if (definition === undefined) return 'is not known to this server';
      const made = compileProfile(definition, { registry, profile, ...(limit !== undefined && { spend }), ...tools });
      return limit === undefined ? made : limited(made);
    } catch (error) {
      // A fault of its package is none of who claims it.
      return `can't be used: ${(error as Error).message.slice(0, 200)}`;
    }
  };
  const look = (url: string): CompiledProfile | string => {
    let made = compiled.get(url);
    if (made === undefined) {
      made = make(url);
      if (compiled.size >= KNOWN_ADDRESSES) compiled.clear();
      compiled.set(url, made);
    }
    return made;
  };
  /** The definition of a resource type asks for that type alone. */
  const ofType = (url: string): CompiledProfile | undefined => {
    const type = url.startsWith(BASE) ? url.slice(BASE.length).split('|', 1)[0]! : '';
    if (!registry.isResourceType(type)) return undefined;
    return {
      type,
      place: undefined,
      check: ({ value }, findings) => {
        const given = isObject(value) ? value['resourceType'] : undefined;
        if (given !== undefined && given !== type) findings.add('value', `it should be a ${type}, not a ${String(given).slice(0, 64)}`);
      },
    };
  };
  const profile = (url: string): CompiledProfile | undefined => {
    const base = ofType(url);
    if (base !== undefined) return base;
    const made = look(url);
    return typeof made === 'string' ? undefined : made;
  };

  const checkPlace = createExtensionPlaces({ registry, placeOf: (url) => profile(url)?.place, invariants: tools.invariants });

  return {
    knows: (url) => ofType(url) !== undefined || typeof look(url) !== 'string',
    check: (url, resource, findings) => {
      const type = String(resource['resourceType']);
      const wrong = (of: string): void => findings.add('value', `it claims to be a ${of} by its profile ${url.slice(0, 200)}`);
      if (url.startsWith(BASE) && registry.isResourceType(url.slice(BASE.length))) {
        if (url !== `${BASE}${type}`) wrong(url.slice(BASE.length));
        return undefined;
      }
      const found = look(url);
      if (typeof found === 'string') return found;
      if (found.type !== type) wrong(found.type);
      else
        found.check({ value: resource, sibling: undefined, key: type, index: undefined }, findings, { resource, rootResource: resource });
      return undefined;
    },
    checkExtension: (step, findings) => {
      checkPlace(step, findings);
      const { value, resource } = step;
      const url = isObject(value) ? value['url'] : undefined;
      if (typeof url !== 'string' || !url.includes('://')) return;
      const definition = profile(url);
      if (definition?.place !== undefined)
        definition.check({ value, sibling: undefined, key: 'extension', index: undefined }, findings, { resource, rootResource: resource });
    },
  };
};
