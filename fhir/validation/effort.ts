/** How much the rules in FHIRPath may have to look at. They run on the thread that serves everybody, and some of R4's look at each value for each other. */
import { FhirError } from '../http/outcome.ts';
import { isObject, type Json } from '../json/value.ts';

/**
 * Values of one resource, what it contains included; one in an entry of a Bundle or in Parameters counts for itself. A CodeSystem of as
 * many, which is the worst (csd-1), takes 2 s; a Questionnaire or StructureDefinition 1 s, most others 0.1 s.
 */
export const MAX_VALUES = 20_000;
/** Of all the resources of a Bundle together. */
export const MAX_ALL_VALUES = 100_000;

/** Throws 413 where the rules of a resource would take too long. */
export const requireAffordable = (resource: Json): void => {
  let all = 0;
  const countOwn = (own: Json): void => {
    let left = MAX_VALUES;
    const walk = (value: unknown): void => {
      if (--left < 0) throw tooCostly(own, `more than ${MAX_VALUES} values`);
      if (++all > MAX_ALL_VALUES) throw tooCostly(resource, `resources with more than ${MAX_ALL_VALUES} values together`);
      if (Array.isArray(value)) for (const each of value) walk(each);
      else if (isObject(value))
        for (const [key, each] of Object.entries(value)) {
          if (key === 'resource' && isObject(each)) countOwn(each);
          else walk(each);
        }
    };
    walk(own);
  };
  countOwn(resource);
};

const tooCostly = ({ resourceType }: Json, what: string): FhirError =>
  new FhirError(
    'too-costly',
    `a ${typeof resourceType === 'string' ? resourceType.slice(0, 64) : 'resource'} with ${what} is too much to be checked by rules in FHIRPath: split it up, or check parts of it`,
  );
