import type { ElementDefinition, Registry } from '../definitions/registry.ts';
import { isObject, type Json } from '../json/value.ts';
import type { Findings } from './findings.ts';

/** A value of a resource with what the definitions say of its place. */
export interface Step {
  readonly value: unknown;
  /** A datatype, a resource type, or the path of a backbone element. */
  readonly type: string;
  /** What it is an element of; undefined for a resource, whether it stands alone, is contained, or is in an entry. */
  readonly owner: Step | undefined;
  readonly element: ElementDefinition | undefined;
  /** The resource that it is in. */
  readonly resource: Json;
  /** What extends a primitive, such as `_birthDate`. */
  readonly isSibling: boolean;
}

/** Goes through a resource of valid structure, the outer before the inner, with the path in the findings. */
export type TypedWalk = (resource: Json, findings: Findings, visit: (step: Step) => void) => void;

/** The path by which definitions name an element: `Patient.contact.name`, `Observation.value[x]`; the type of a resource. */
export const definedPath = ({ owner, element, type }: Step): string =>
  owner === undefined || element === undefined ? type : `${owner.type}.${element.name}${element.isChoice ? '[x]' : ''}`;

export const createTypedWalk = (registry: Registry): TypedWalk => {
  const known = new Map<string, ReadonlyMap<string, readonly [element: ElementDefinition, type: string]>>();
  const membersOf = (type: string): ReadonlyMap<string, readonly [element: ElementDefinition, type: string]> => {
    let members = known.get(type);
    if (members === undefined) {
      members = new Map(
        (registry.type(type)?.elements ?? []).flatMap((element) =>
          element.types.map((each) => [
            element.isChoice ? element.name + each.charAt(0).toUpperCase() + each.slice(1) : element.name,
            [element, each] as const,
          ]),
        ),
      );
      known.set(type, members);
    }
    return members;
  };

  const walk = (step: Step, findings: Findings, visit: (step: Step) => void): void => {
    visit(step);
    const { value, type, isSibling } = step;
    if (!isObject(value)) return;
    const members = membersOf(isSibling ? 'Element' : type);
    for (const [key, member] of Object.entries(value)) {
      const under = key.charCodeAt(0) === 95;
      const [element, each] = members.get(under ? key.slice(1) : key) ?? [];
      if (element === undefined) continue;
      const enter = (item: unknown): void => {
        if (item === null) return;
        const isResource = each === 'Resource' && isObject(item);
        if (isResource) walk(rootOf(item), findings, visit);
        else walk({ value: item, type: each!, owner: step, element, resource: step.resource, isSibling: under }, findings, visit);
      };
      findings.path.push(key);
      if (Array.isArray(member)) {
        for (const [i, item] of member.entries()) {
          findings.path.push(i);
          enter(item);
          findings.path.pop();
        }
      } else enter(member);
      findings.path.pop();
    }
  };

  return (resource, findings, visit) => walk(rootOf(resource), findings, visit);
};

const rootOf = (resource: Json): Step => ({
  value: resource,
  type: String(resource['resourceType']),
  owner: undefined,
  element: undefined,
  resource,
  isSibling: false,
});
