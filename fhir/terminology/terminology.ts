/** Value sets and code systems: R4's own, those of loaded packages, and those stored on this server. */
import type { Db } from '../store/pool.ts';
import { FhirError } from '../http/outcome.ts';
import { codeIndex } from './code-system.ts';
import { type Effort, STEPS_PER_CHARACTER } from './effort.ts';
import { expandValueSet, notLoaded } from './expansion.ts';
import { allCodesOf, implicitSource } from './implicit-value-set.ts';
import { incomplete } from './membership.ts';
import {
  type CodeSystem,
  type Include,
  splitCanonical,
  type TerminologyResource,
  type TerminologySource,
  type ValueSet,
} from './resources.ts';
import { coreSource, firstOf, type LazyResource, lazySource } from './sources.ts';

export interface Coding {
  readonly system: string;
  readonly code: string;
}

/** Who asks, and where what is stored is read. */
export interface Access {
  readonly db: Db;
  /** Of all that this caller's question needs. */
  readonly effort: Effort;
  /** Throws 403 where the caller may not read what is stored of a type. */
  readonly allow: (type: TerminologyResource['resourceType']) => void;
}

export interface Terminology {
  /** What is at hand without the database: writes are checked by this. */
  readonly loaded: TerminologySource;
  /** What is loaded, and what is stored of all that these need. */
  reach(access: Access, needed: Needed): Promise<TerminologySource>;
  /** The codes of a value set, for `:in` and `:not-in`; throws where there is none, or where it can't be expanded. */
  expand(access: Access, valueSet: string): Promise<readonly Coding[]>;
  /** A code with everything below (for `:below`) or above it; throws where its code system isn't loaded. */
  related(access: Access, coding: Coding, direction: 'below' | 'above'): Promise<readonly Coding[]>;
}

/** By canonical address, or as a resource that was sent. */
export interface Needed {
  readonly valueSets?: readonly (string | ValueSet)[];
  readonly codeSystems?: readonly string[];
  /** Each value set is taken as this makes it. */
  readonly as?: (valueSet: ValueSet) => ValueSet;
}

/** Hears how many characters are about to be parsed, and may throw. */
type OnRead = (characters: number) => void;

/** Looks a stored resource up by its canonical address. */
export type FindStored = (
  db: Db,
  type: TerminologyResource['resourceType'],
  canonical: string,
  onRead: OnRead,
) => Promise<TerminologyResource | undefined>;

/** The stored code systems that name one of these addresses as that of the value set of all their codes; it reads all code systems. */
export type FindNaming = (db: Db, urls: readonly string[], onRead: OnRead) => Promise<readonly CodeSystem[]>;

export interface TerminologyOptions {
  readonly packages: Iterable<LazyResource>;
  readonly findStored: FindStored;
  readonly findNaming: FindNaming;
}

/** Look-ups in the database for one question. */
const MAX_LOOKUPS = 200;

const includesOf = ({ compose }: ValueSet): readonly Include[] => [...(compose?.include ?? []), ...(compose?.exclude ?? [])];
const canonicalOf = ({ system, version }: Include): string[] =>
  system === undefined ? [] : [version === undefined ? system : `${system}|${version}`];

export const createTerminology = ({ packages, findStored, findNaming }: TerminologyOptions): Terminology => {
  const written = firstOf(lazySource(packages), coreSource());
  const loaded = firstOf(written, implicitSource(packages));

  // Many criteria of one search may name one code system.
  const reads = new WeakMap<Effort, Map<string, TerminologyResource>>();
  const readFor = (effort: Effort): Map<string, TerminologyResource> => {
    let read = reads.get(effort);
    if (read === undefined) reads.set(effort, (read = new Map()));
    return read;
  };

  const reach = async ({ db, effort, allow }: Access, { valueSets = [], codeSystems = [], as }: Needed): Promise<TerminologySource> => {
    const stored = new Map<string, TerminologyResource>();
    const read = readFor(effort);
    const onRead: OnRead = (characters) => effort.spend(characters * STEPS_PER_CHARACTER);
    const seen = new Set<string>();
    let lookups = 0;
    const find = async (type: TerminologyResource['resourceType'], canonical: string): Promise<TerminologyResource | undefined> => {
      const known = type === 'ValueSet' ? written.valueSet(canonical) : written.codeSystem(canonical);
      // R4 names code systems such as SNOMED CT without a concept: what is stored of them is more.
      if (known !== undefined && !('content' in known && known.content === 'not-present')) return known;
      if (++lookups > MAX_LOOKUPS) {
        throw new FhirError('too-costly', `more than ${MAX_LOOKUPS} value sets and code systems are needed: ask for a smaller value set`);
      }
      allow(type);
      const key = `${type} ${canonical}`;
      let found = read.get(key);
      if (found === undefined) {
        found = await findStored(db, type, canonical, onRead);
        if (found !== undefined) read.set(key, found);
      }
      if (found !== undefined) stored.set(key, found);
      return found ?? known;
    };
    // What somebody has written counts before what an address says.
    const findValueSet = async (canonical: string): Promise<ValueSet | undefined> => {
      const found = ((await find('ValueSet', canonical)) as ValueSet | undefined) ?? loaded.valueSet(canonical);
      if (found === undefined && canonical.includes(':')) missed.push(canonical);
      return found;
    };
    const missed: string[] = [];
    const queue: (string | ValueSet)[] = [...valueSets];
    const systems: string[] = [...codeSystems];
    for (const each of queue) {
      if (typeof each === 'string' && seen.has(each)) continue;
      if (typeof each === 'string') seen.add(each);
      const met = typeof each === 'string' ? await findValueSet(each) : each;
      const valueSet = met && (as?.(met) ?? met);
      for (const include of valueSet === undefined ? [] : includesOf(valueSet)) {
        for (const other of include.valueSet ?? []) queue.push(other);
        systems.push(...canonicalOf(include));
      }
    }
    if (missed.length > 0) {
      allow('CodeSystem');
      const naming = await findNaming(
        db,
        missed.map((canonical) => splitCanonical(canonical)[0]),
        onRead,
      );
      for (const canonical of missed)
        for (const system of naming) {
          const all = allCodesOf(canonical, system);
          if (all === undefined) continue;
          stored.set(`ValueSet ${canonical}`, all);
          systems.push(...includesOf(as?.(all) ?? all).flatMap(canonicalOf));
        }
    }
    for (const system of new Set(systems)) await find('CodeSystem', system);
    // Each answers to the address that it was asked for by, with the version or without.
    const storedSource: TerminologySource = {
      valueSet: (canonical) => stored.get(`ValueSet ${canonical}`) as ValueSet | undefined,
      codeSystem: (canonical) => stored.get(`CodeSystem ${canonical}`) as CodeSystem | undefined,
    };
    const all: TerminologySource = { ...firstOf(storedSource, loaded), effort };
    if (as === undefined) return all;
    return {
      effort,
      valueSet: (canonical) => {
        const found = all.valueSet(canonical);
        return found && as(found);
      },
      codeSystem: all.codeSystem,
    };
  };

  return {
    loaded,
    reach,
    expand: async (access, canonical) => {
      const source = await reach(access, { valueSets: [canonical] });
      const valueSet = source.valueSet(canonical);
      if (valueSet === undefined) throw notLoaded(`the value set ${canonical.slice(0, 200)} is not loaded`);
      return expandValueSet(valueSet, source).map(({ system, code }) => ({ system, code }));
    },
    related: async (access, { system, code }, direction) => {
      if (system === '') throw new FhirError('value', 'write system|code, since a hierarchy belongs to a code system');
      const [url] = splitCanonical(system);
      const found = (await reach(access, { codeSystems: [system] })).codeSystem(system);
      // Of a fragment the hierarchy that it has counts: who keeps one here means it.
      if (found?.concept === undefined) throw notLoaded(incomplete(system, found));
      const index = codeIndex(found);
      const codes = direction === 'below' ? index.withDescendants(code) : index.withAncestors(code);
      return [...codes].map((each) => ({ system: url, code: each }));
    },
  };
};
