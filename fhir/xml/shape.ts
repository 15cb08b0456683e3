/** What both codecs must know of a type, from the definitions. Source: http://hl7.org/fhir/R4/xml.html, http://hl7.org/fhir/R4/json.html */
import type { ElementDefinition, Registry } from '../definitions/registry.ts';

export const FHIR_NAMESPACE = 'http://hl7.org/fhir';
export const XHTML_NAMESPACE = 'http://www.w3.org/1999/xhtml';

/** How a value is written: `text`, `number` and `boolean` as a value attribute, the others as content. */
export type Form = 'text' | 'number' | 'boolean' | 'xhtml' | 'complex' | 'resource';

/** An element by the name that it has in JSON and XML alike; a choice has one per type. */
export interface Slot {
  readonly name: string;
  readonly type: string;
  /** Place among the elements of its type, from 0: the order in which XML writes them. */
  readonly order: number;
  readonly repeats: boolean;
  readonly form: Form;
}

export interface Shape {
  readonly type: string;
  readonly isResource: boolean;
  readonly slots: ReadonlyMap<string, Slot>;
  /** Elements that XML writes as attributes. */
  readonly attributes: ReadonlySet<string>;
}

export interface Shapes {
  /** Of a datatype, a backbone element or a resource; throws on a type that the definitions haven't. */
  of(type: string): Shape;
  /** Undefined where no concrete resource has the name. */
  resource(type: string): Shape | undefined;
}

const NUMBERS = new Set(['decimal', 'integer', 'unsignedInt', 'positiveInt']);
const OF_RESOURCE: ReadonlySet<string> = new Set();
const OF_ELEMENT: ReadonlySet<string> = new Set(['id']);
const OF_EXTENSION: ReadonlySet<string> = new Set(['id', 'url']);

export const isPrimitive = (form: Form): boolean => form === 'text' || form === 'number' || form === 'boolean';

const compile = (registry: Registry, type: string): Shape => {
  const definition = registry.type(type);
  if (definition === undefined) throw new Error(`the definitions have no type ${type}`);
  const isResource = definition.kind === 'resource';
  const attributes = isResource ? OF_RESOURCE : type === 'Extension' ? OF_EXTENSION : OF_ELEMENT;
  const slots = new Map<string, Slot>();
  for (const element of definition.elements) {
    if (attributes.has(element.name)) continue;
    for (const each of element.types) {
      const name = nameOf(element, each);
      slots.set(name, { name, type: each, order: slots.size, repeats: element.max > 1, form: formOf(registry, each) });
    }
  }
  return { type, isResource, slots, attributes };
};

const nameOf = ({ name, isChoice }: ElementDefinition, type: string): string =>
  isChoice ? name + type.charAt(0).toUpperCase() + type.slice(1) : name;

const formOf = (registry: Registry, type: string): Form => {
  if (type === 'xhtml') return 'xhtml';
  const kind = registry.type(type)?.kind;
  if (kind !== 'primitive') return kind === 'resource' ? 'resource' : 'complex';
  return type === 'boolean' ? 'boolean' : NUMBERS.has(type) ? 'number' : 'text';
};

const known = new WeakMap<Registry, Shapes>();

/** The shapes of a registry's types, each compiled when it is first met. */
export const shapesOf = (registry: Registry): Shapes => {
  let shapes = known.get(registry);
  if (shapes === undefined) {
    const compiled = new Map<string, Shape>();
    const of = (type: string): Shape => {
      let shape = compiled.get(type);
      if (shape === undefined) compiled.set(type, (shape = compile(registry, type)));
      return shape;
    };
    known.set(registry, (shapes = { of, resource: (type) => (registry.isResourceType(type) ? of(type) : undefined) }));
  }
  return shapes;
};
