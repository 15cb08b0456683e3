/** How much the rules in FHIRPath may have to look at. They run on the thread that serves everybody, and some of R4's look at each value for each other. */
import { FhirError } from '../http/outcome.ts';
import { isObject, type Json } from '../json/value.ts';

/** Values of one resource, what it contains included; one in an entry of a Bundle or in Parameters counts for itself. This server's /metadata has 34 000. */
export const MAX_VALUES = 50_000;
/**
 * Elements of one name in a resource, wherever they stand: what rules hold against each other. Of so many codes of a CodeSystem (csd-1) it takes
 * 0.5 s, of items of a Questionnaire 1 s, of elements of a StructureDefinition 3 s, and several times that on a busy machine.
 */
export const MAX_ALIKE = 5000;
/** Values of all the resources of a Bundle together. */
export const MAX_ALL_VALUES = 100_000;

/** Throws 413 where the rules of a resource would take too long. */
export const requireAffordable = (resource: Json): void => {
  let all = 0;
  const countOwn = (own: Json): void => {
    let left = MAX_VALUES;
    const alike = new Map<string, number>();
    const walk = (value: unknown, name: string): void => {
      if (--left < 0) throw tooCostly(own, `more than ${MAX_VALUES} values`);
      if (++all > MAX_ALL_VALUES) throw tooCostly(resource, `resources with more than ${MAX_ALL_VALUES} values together`);
      if (Array.isArray(value)) for (const each of value) walk(each, name);
      else if (isObject(value)) {
        const count = (alike.get(name) ?? 0) + 1;
        if (count > MAX_ALIKE) throw tooCostly(own, `more than ${MAX_ALIKE} elements ${name.slice(0, 64)}`);
        alike.set(name, count);
        for (const [key, each] of Object.entries(value)) {
          if (key === 'resource' && isObject(each)) countOwn(each);
          else walk(each, key);
        }
      }
    };
    walk(own, '');
  };
  countOwn(resource);
};

const tooCostly = ({ resourceType }: Json, what: string): FhirError =>
  new FhirError(
    'too-costly',
    `a ${typeof resourceType === 'string' ? resourceType.slice(0, 64) : 'resource'} with ${what} is too much to be checked by rules in FHIRPath: split it up, or check parts of it`,
  );
