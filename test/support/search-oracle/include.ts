/** What comes with the matches. Source: http://hl7.org/fhir/R4/search.html#revinclude */
import { isTarget, targetsOf, valuesFor, type World } from './evaluate.ts';
import { parametersOf } from './parameters.ts';
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

const followed = (world: World, from: readonly Resource[], { isReverse, source, code, target }: Include): Resource[] => {
  const parameter = parametersOf(source).get(code)!;
  const leadsTo = (resource: Resource): Resource[] =>
    valuesFor(resource, parameter)
      .flatMap((each) => targetsOf(each, world))
      // The server's choice: backwards, a url is one thing's alone, of whatever type.
      .filter((each) => (isReverse && target === undefined) || isTarget(each, parameter, target));
  const sources = (isReverse ? world.resources : from).filter(({ resourceType }) => resourceType === source);
  return isReverse ? sources.filter((each) => leadsTo(each).some((led) => from.includes(led))) : sources.flatMap(leadsTo);
};

/** Each once, and none of the matches. */
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
