/** What comes with the matches. Source: http://hl7.org/fhir/R4/search.html#revinclude */
import { isTarget, nameOf, targetsOf, valuesFor, type World } from './evaluate.ts';
import { localOf } from './match.ts';
import { parametersOf, type Value } from './parameters.ts';
import type { Resource } from './resources.ts';

export interface Include {
  readonly isReverse: boolean;
  readonly iterates: boolean;
  readonly source: string;
  readonly code: string;
  readonly target: string | undefined;
}

/** The server's choice: so many times what was included is looked at again. */
const ROUNDS = 8;

/** A reference to a version leads to that one. */
const ledTo = (value: Value, world: World): Resource[] => {
  const { reference = '' } = value.value as { reference?: string };
  const first = value.type === 'Reference' && reference.endsWith('/_history/1') ? world.first.get(localOf(reference)) : undefined;
  return first === undefined ? targetsOf(value, world) : [first];
};

/** Whether a value names a resource, whatever the version is that a reference names. */
const isOf = (value: Value, to: Resource): boolean => {
  if (value.type === 'Reference') return localOf((value.value as { reference?: string }).reference ?? '') === nameOf(to);
  const [url, version] = (value.value as string).split('|');
  return to['url'] === url && (version === undefined || to['version'] === version);
};

const followed = (world: World, from: readonly Resource[], { isReverse, source, code, target }: Include): Resource[] => {
  const parameter = parametersOf(source).get(code)!;
  const sources = (isReverse ? world.resources : from).filter(({ resourceType }) => resourceType === source);
  if (!isReverse)
    return sources.flatMap((each) =>
      valuesFor(each, parameter)
        .flatMap((value) => ledTo(value, world))
        .filter((led) => isTarget(led, parameter, target)),
    );
  // The server's choice: backwards, a url is one thing's alone, of whatever type.
  const to = from.filter((each) => target === undefined || isTarget(each, parameter, target));
  return sources.filter((each) => valuesFor(each, parameter).some((value) => to.some((one) => isOf(value, one))));
};

/** By its version too, where that isn't the newest. */
export const versionNameOf = (world: World, resource: Resource): string =>
  `${nameOf(resource)}${world.first.get(nameOf(resource)) === resource ? '/_history/1' : ''}`;

/** Each version once, and none of the matches. */
export const includedWith = (world: World, matches: readonly Resource[], includes: readonly Include[]): Resource[] => {
  const seen = new Set(matches);
  let from = matches;
  for (let round = 0; round < ROUNDS && from.length > 0; round++) {
    const wanted = includes.filter(({ iterates }) => round === 0 || iterates);
    from = [...new Set(wanted.flatMap((each) => followed(world, from, each)))].filter((each) => !seen.has(each));
    for (const each of from) seen.add(each);
  }
  return [...seen].filter((each) => !matches.includes(each));
};
