import type { ElementDefinition, Registry } from './registry.ts';

/** One element of a search parameter's path, and what must hold for it. */
export interface Step {
  readonly name: string;
  readonly ofType?: string;
  /** All of them must hold. */
  readonly where?: readonly { readonly element: string; readonly equals: string }[];
  readonly resolvesTo?: string;
  readonly index?: number;
}

/** Where values of one of an element's types lie: a choice is named by its type, and what extends a primitive value lies beside it. */
export const propertyOf = ({ name, isChoice }: ElementDefinition, type: string, next: Step | undefined, registry: Registry): string => {
  const property = isChoice ? name + type.charAt(0).toUpperCase() + type.slice(1) : name;
  return next?.name === 'extension' && registry.type(type)?.kind === 'primitive' ? `_${property}` : property;
};

/** Which of an element's types a step leads to, and under which conditions: a resource of any type says itself of which it is. */
export const leadsTo = (
  { ofType, where = [] }: Step,
  types: readonly string[],
  registry: Registry,
): { readonly types: readonly string[]; readonly where: NonNullable<Step['where']> } => {
  if (ofType === undefined) return { types, where };
  if (types.includes('Resource') && registry.isResourceType(ofType))
    return { types: [ofType], where: [{ element: 'resourceType', equals: ofType }, ...where] };
  return { types: types.filter((each) => each === ofType), where };
};
