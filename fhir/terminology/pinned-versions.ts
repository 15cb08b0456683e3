/** Which versions of code systems a client wants a value set to be read by. Source: http://hl7.org/fhir/R4/valueset-operation-expand.html */
import { FhirError } from '../http/outcome.ts';
import { type Include, splitCanonical, type ValueSet } from './resources.ts';

/** By address of the code system. */
export type Versions = ReadonlyMap<string, string>;

export interface WantedVersions {
  /** Where a value set names none. */
  readonly whereNone: Versions;
  /** Where a value set names none; one that names another is refused. */
  readonly check: Versions;
  /** Whatever a value set names. */
  readonly force: Versions;
  /** Code systems to leave out, with the version that is meant where one is. */
  readonly exclude: readonly string[];
}

export interface Pinning {
  /** The value set with the versions that are wanted; throws where it names one that it may not. */
  readonly pin: (valueSet: ValueSet) => ValueSet;
  /** `system|version` of all that was pinned so far. */
  readonly pinned: ReadonlySet<string>;
}

const pinnedVersion = ({ system = '', version }: Include, { whereNone, check, force }: WantedVersions): string | undefined => {
  const checked = check.get(system);
  const forced = force.get(system);
  if (forced !== undefined) return forced;
  if (checked === undefined) return version ?? whereNone.get(system);
  if (version === undefined || version === checked) return checked;
  throw new FhirError(
    'unprocessable',
    `a value set names the version ${version.slice(0, 60)} of ${system.slice(0, 200)}, and check-system-version wants ${checked.slice(0, 60)}`,
    { expression: 'http.check-system-version' },
  );
};

const isExcluded = ({ system }: Include, version: string | undefined, exclude: readonly string[]): boolean =>
  system !== undefined && (exclude.includes(system) || (version !== undefined && exclude.includes(`${system}|${version}`)));

export const pinVersions = (wanted: WantedVersions): Pinning => {
  const pinned = new Set<string>();
  const made = new Map<ValueSet, ValueSet>();
  const pinInclude = (include: Include): Include[] => {
    const version = pinnedVersion(include, wanted);
    if (isExcluded(include, version, wanted.exclude)) return [];
    if (version === include.version) return [include];
    pinned.add(`${include.system}|${version}`);
    return [{ ...include, ...(version !== undefined && { version }) }];
  };
  const pin = (valueSet: ValueSet): ValueSet => {
    let done = made.get(valueSet);
    if (done === undefined) {
      const { compose } = valueSet;
      done = compose === undefined ? valueSet : { ...valueSet, compose: pinCompose(compose) };
      made.set(valueSet, done);
      made.set(done, done);
    }
    return done;
  };
  const pinCompose = ({ include = [], exclude = [], ...rest }: NonNullable<ValueSet['compose']>): NonNullable<ValueSet['compose']> => ({
    ...rest,
    include: include.flatMap(pinInclude),
    exclude: exclude.flatMap(pinInclude),
  });
  return { pin, pinned };
};

/** Whether a code is of what is excluded, its version known by now. */
export const isOfExcluded = (
  { system, version }: { readonly system: string; readonly version?: string | undefined },
  exclude: readonly string[],
): boolean =>
  exclude.some((canonical) => {
    const [url, only] = splitCanonical(canonical);
    return url === system && (only === undefined || only === version);
  });
