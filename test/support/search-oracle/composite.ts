/** The instances of a composite parameter. Source: http://hl7.org/fhir/R4/search.html#combining */
import { isOfKind, type Parameter, parameterByUrl, type Value, valuesIn, valuesOfPart } from './parameters.ts';
import type { Resource } from './resources.ts';

export interface Part {
  readonly parameter: Parameter;
  readonly values: readonly Value[];
}

/** DocumentReference.relationship names the definitions of its two parts the wrong way round. */
const EXCHANGED: ReadonlySet<string> = new Set(['relationship']);

/** Of each instance, what each of the parts finds in it. */
export const partsIn = (resource: Resource, parameter: Parameter): Part[][] => {
  const { resourceType } = resource;
  const definitions = parameter.components.map(({ url }) => parameterByUrl(resourceType, url));
  if (EXCHANGED.has(parameter.code)) definitions.reverse();
  return parameter.expressions.flatMap((expression) =>
    valuesIn(resource, { ...parameter, expressions: [expression] }).map((instance) =>
      parameter.components.map(({ expression: part }, i): Part => {
        const own = definitions[i]!;
        const isOfResource = part.startsWith('%resource.');
        const path = isOfResource ? part.replace('%resource.', '') : part;
        const found = isOfResource ? valuesOfPart(resourceType, resource, path) : valuesOfPart(expression, instance.value, path);
        return { parameter: own, values: found.filter((each) => isOfKind(each, own)) };
      }),
    ),
  );
};
