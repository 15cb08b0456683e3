/** The paths of path.ts as PostgreSQL's jsonpath, for what no search table holds. Source: PostgreSQL manual, "The SQL/JSON Path Language" */
import type { Registry } from './registry.ts';
import { leadsTo, propertyOf, type Step } from './step.ts';

export interface JsonPath {
  /** Finds each value by itself, in the form of the stored resource. */
  readonly path: string;
  readonly fhirType: string;
  /** Of references: the type that one must be of, which a reference to what is contained doesn't say. */
  readonly resolvesTo?: string | undefined;
}

/** Extensions within extensions lead to every datatype: a path to so many is none to sort by. */
const MAX_PATHS = 100;

/** One jsonpath per datatype that the steps can lead to from a value of `type`; none where those are too many. */
export const jsonPathsOf = (type: string, steps: readonly Step[], registry: Registry): readonly JsonPath[] => {
  let found: JsonPath[] = [{ path: '$', fhirType: type }];
  for (const [i, step] of steps.entries()) {
    found = found.flatMap(({ path, fhirType }) => {
      const element = registry.type(fhirType)?.element.get(step.name);
      const { types, where } = leadsTo(step, element?.types ?? [], registry);
      return types.map((each) => {
        const property = propertyOf(element!, each, steps[i + 1], registry);
        // In lax mode a single value counts as a list of one.
        return {
          path: `${path}."${property}"[${step.index ?? '*'}]${filterOf({ ...step, where })}`,
          fhirType: each,
          resolvesTo: step.resolvesTo,
        };
      });
    });
    if (found.length > MAX_PATHS) return [];
  }
  return found;
};

/** The one boolean of path.ts: whether there is a value that isn't false. A comparison with something else than a boolean is unknown. */
export const existsPath = (paths: readonly JsonPath[]): readonly JsonPath[] =>
  paths.length === 0
    ? []
    : [
        {
          path: paths.map(({ path }) => `exists(${path} ? (@ != false || (@ == false) is unknown))`).join(' || '),
          fhirType: 'boolean',
        },
      ];

const filterOf = ({ where = [], resolvesTo }: Step): string => {
  const conditions = where.map(({ element, equals }) => `@."${element}" == ${JSON.stringify(equals)}`);
  // What is contained says itself of which type it is.
  if (resolvesTo !== undefined)
    conditions.push(`(@."type" == "${resolvesTo}" || @."reference" like_regex "(^|/)${resolvesTo}/" || @."reference" starts with "#")`);
  return conditions.length === 0 ? '' : ` ? (${conditions.join(' && ')})`;
};
