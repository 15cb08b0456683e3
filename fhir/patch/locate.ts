/** Where in a resource the path of a patch leads. */
import type { ElementDefinition, Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { EditableJson } from '../json/editable.ts';
import type { Condition, PatchPath, Step } from './path-syntax.ts';

/** An element that is there. */
export interface Place {
  /** The element's own JSON; `null` in an array of primitives where only its extensions are there. */
  readonly node: EditableJson;
  /** FHIR type, or path of a backbone element. */
  readonly type: string;
  /** FHIRPath with every index. */
  readonly path: string;
  /** Absent for the resource itself. */
  readonly within?: { readonly parent: Place; readonly property: string; readonly index: number | undefined };
}

export interface Property {
  readonly element: ElementDefinition;
  /** As in JSON: `valueQuantity` for a choice. */
  readonly name: string;
  readonly type: string;
}

const MAX_VISITED = 500_000;

export class Locator {
  readonly #registry: Registry;
  #visited = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  isPrimitive(type: string): boolean {
    return this.#registry.type(type)?.kind === 'primitive';
  }

  /** What the path finds in a resource; throws 422 where the definitions have no such element. */
  locate({ root, steps }: PatchPath, resource: EditableJson): Place[] {
    const type = String(resource.members.get('resourceType')?.value);
    if (root !== type && root !== 'Resource' && root !== 'DomainResource')
      throw new FhirError('unprocessable', `the path begins with ${root.slice(0, 60)}, but the resource is a ${type}`);
    return this.#walk([{ node: resource, type, path: type }], steps);
  }

  /** The JSON members that an element of a type may be; throws 422 where the type has no element of that name. */
  properties(type: string, name: string): Property[] {
    const definition = this.#registry.type(type);
    const element = definition?.element.get(name);
    const named = (element === undefined ? (definition?.elements ?? []) : [element]).flatMap((each) =>
      each.types.map((of) => ({
        element: each,
        name: each.isChoice ? each.name + of.charAt(0).toUpperCase() + of.slice(1) : each.name,
        type: of,
      })),
    );
    const found = element === undefined ? named.filter((property) => property.name === name) : named;
    if (found.length === 0) throw new FhirError('unprocessable', `${type} has no element ${name.slice(0, 60)}`);
    return found;
  }

  /** The object that holds an element's children; of a primitive, the one with its id and extensions, made if `create`. */
  objectOf({ node, type, within }: Place, create = false): EditableJson | undefined {
    if (!this.isPrimitive(type)) return node;
    if (within === undefined) return undefined;
    const { parent, property, index } = within;
    const holder = this.objectOf(parent, create)!;
    const name = `_${property}`;
    if (index === undefined) {
      if (create && !holder.members.has(name)) holder.put(name, new EditableJson('{}'));
      return holder.members.get(name);
    }
    if (create && !holder.members.has(name))
      holder.put(name, new EditableJson(JSON.stringify(holder.members.get(property)!.items.map(() => null))));
    const list = holder.members.get(name);
    if (create && list!.items[index]?.isObject !== true) list!.insert(index, new EditableJson('{}'), 1);
    const found = list?.items[index];
    return found?.isObject === true ? found : undefined;
  }

  #walk(places: readonly Place[], steps: readonly Step[]): Place[] {
    let found = [...places];
    for (const step of steps) found = this.#step(found, step);
    return found;
  }

  #step(places: readonly Place[], step: Step): Place[] {
    this.#visited += places.length + 1;
    if (this.#visited > MAX_VISITED) throw new FhirError('too-costly', 'the patch looks at too many elements: send the resource by PUT');
    switch (step.kind) {
      case 'child':
        return places.flatMap((place) => this.#children(place, step.name));
      case 'index': {
        const place = places.at(step.index);
        return place === undefined ? [] : [place];
      }
      case 'where':
        return places.filter((place) => this.#holds(place, step.condition));
      case 'ofType':
        return places.filter(({ type }) => type === step.type);
      case 'extension':
        return places
          .flatMap((place) => this.#children(place, 'extension'))
          .filter(({ node }) => node.members.get('url')?.value === step.url);
    }
  }

  #children(place: Place, name: string): Place[] {
    const properties = this.properties(place.type, name);
    const holder = this.objectOf(place);
    if (holder === undefined) return [];
    return properties.flatMap(({ name: property, type, element }) => {
      const node = holder.members.get(property);
      const alone = node ?? (this.isPrimitive(type) && holder.members.has(`_${property}`) ? new EditableJson('null') : undefined);
      if (alone === undefined) return [];
      const path = `${place.path}.${element.name}`;
      const at = (each: EditableJson, index: number | undefined): Place => ({
        node: each,
        type: type === 'Resource' ? String(each.members.get('resourceType')?.value) : type,
        path: index === undefined ? path : `${path}[${index}]`,
        within: { parent: place, property, index },
      });
      return alone.isArray ? alone.items.map(at) : [at(alone, undefined)];
    });
  }

  #holds(place: Place, condition: Condition): boolean {
    switch (condition.kind) {
      case 'and':
        return this.#holds(place, condition.left) && this.#holds(place, condition.right);
      case 'or':
        return this.#holds(place, condition.left) || this.#holds(place, condition.right);
      case 'not':
        return !this.#holds(place, condition.condition);
      case 'exists':
        return this.#walk([place], condition.steps).length > 0;
      case 'text': {
        const values = this.#scalars(place, condition.steps);
        return values.length === 1 && typeof values[0] === 'string' && values[0][how[condition.how]](condition.text);
      }
      case 'compare': {
        // FHIRPath compares collections: one that isn't a single value is equal to no literal, and an empty one to nothing at all.
        const values = this.#scalars(place, condition.steps);
        return values.length > 0 && (values.length === 1 && values[0] === condition.to) === condition.equal;
      }
    }
  }

  #scalars(place: Place, steps: readonly Step[]): unknown[] {
    return this.#walk([place], steps).map(({ node }) => (node.isObject || node.isArray ? undefined : node.value));
  }
}

const how = { startsWith: 'startsWith', endsWith: 'endsWith', contains: 'includes' } as const;
