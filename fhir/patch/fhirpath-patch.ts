/** Source: http://hl7.org/fhir/R4/fhirpatch.html */
import { FhirError } from '../http/outcome.ts';
import { EditableJson } from '../json/editable.ts';
import { Locator, type Place, type Property } from './locate.ts';
import { cannot, MAX_OPERATIONS, type Patch, type PatchLimits } from './patch.ts';
import { parsePatchPath, type PatchPath, type Step } from './path-syntax.ts';

const NEEDS = {
  add: ['path', 'name', 'value'],
  insert: ['path', 'value', 'index'],
  delete: ['path'],
  replace: ['path', 'value'],
  move: ['path', 'source', 'destination'],
} as const satisfies Record<string, readonly string[]>;
const isType = (type: unknown): type is keyof typeof NEEDS => typeof type === 'string' && Object.hasOwn(NEEDS, type);

/** What of an element is written into JSON: its value, and of a primitive its id and extensions. */
interface Content {
  readonly value: EditableJson | undefined;
  readonly extensions: EditableJson | undefined;
  /** Type by the name of the value[x]; undefined for parts, which make a type without a name. */
  readonly type: string | undefined;
}

interface Operation {
  readonly type: keyof typeof NEEDS;
  /** Such as `Parameters.parameter[2]`. */
  readonly at: string;
  readonly path: PatchPath;
  readonly part: (name: string) => EditableJson;
}

/** Throws 400 where the text, which is valid JSON, is no Parameters resource with operations. */
export const parseFhirPathPatch = (text: string, { registry, requireRead, resolveAddress }: PatchLimits): Patch => {
  const parameters = new EditableJson(text);
  if (!parameters.isObject || parameters.members.get('resourceType')?.value !== 'Parameters')
    throw new FhirError('structure', 'a patch in FHIR JSON is a Parameters resource; a JSON Patch is sent as application/json-patch+json');
  const list = parameters.members.get('parameter');
  if (list !== undefined && !list.isArray)
    throw new FhirError('structure', 'Parameters.parameter is an array', { expression: 'Parameters.parameter' });
  const items = list?.items ?? [];
  if (items.length > MAX_OPERATIONS)
    throw new FhirError('too-costly', `a patch takes ${MAX_OPERATIONS} operations at most: send the resource by PUT`);
  const operations = items.map(parseOperation);
  for (const { at, path } of operations)
    if (path.steps.some(({ kind }) => kind === 'where')) requireRead(at, 'to choose by what is stored');
  if (resolveAddress !== undefined) for (const operation of operations) resolveValue(operation, resolveAddress);
  return (resource) => {
    const locator = new Locator(registry);
    for (const operation of operations) apply(resource, operation, locator);
  };
};

const parseOperation = (item: EditableJson, index: number): Operation => {
  const at = `Parameters.parameter[${index}]`;
  const malformed = (why: string): FhirError => new FhirError('structure', `${at}: ${why}`, { expression: at });
  const parts = partsOf(item);
  if (!item.isObject || item.members.get('name')?.value !== 'operation' || parts === undefined)
    throw malformed('each parameter has the name operation, and parts: type, path and what that type needs');
  const part = (name: string): EditableJson | undefined => parts.find((each) => each.isObject && each.members.get('name')?.value === name);
  const type = scalar(part('type'));
  if (!isType(type)) throw malformed(`its type is one of ${Object.keys(NEEDS).join(', ')}`);
  const missing = NEEDS[type].find((name) => part(name) === undefined);
  if (missing !== undefined) throw malformed(`${type} needs the part ${missing}`);
  const path = scalar(part('path'));
  if (typeof path !== 'string') throw malformed('the part path is a string');
  try {
    return { type, at, path: parsePatchPath(path), part: (name) => part(name)! };
  } catch (error) {
    throw error instanceof FhirError ? malformed(error.message) : error;
  }
};

/** Writes into the operation what its value stands for, if that is a string. */
const resolveValue = ({ type, path, part }: Operation, resolve: NonNullable<PatchLimits['resolveAddress']>): void => {
  if (type === 'delete' || type === 'move') return;
  const step = path.steps.findLast(({ kind }) => kind === 'child');
  const element = type === 'add' ? scalar(part('name')) : step?.kind === 'child' ? step.name : undefined;
  const value = part('value');
  const address = scalar(value);
  const target = typeof element === 'string' && typeof address === 'string' ? resolve(element, address) : undefined;
  if (target !== undefined) value.put(valueKey(value)!, new EditableJson(JSON.stringify(target)));
};

const partsOf = (item: EditableJson): readonly EditableJson[] | undefined => {
  const parts = item.isObject ? item.members.get('part') : undefined;
  return parts?.isArray === true ? parts.items : undefined;
};

const valueKey = (part: EditableJson): string | undefined =>
  [...part.members.keys()].find((key) => /^_?value[A-Z]/.test(key))?.replace(/^_/, '');

const scalar = (part: EditableJson | undefined): unknown => {
  const key = part === undefined ? undefined : valueKey(part);
  return key === undefined ? undefined : part!.members.get(key)?.value;
};

const count = ({ at, part }: Operation, name: string, most: number): number => {
  const value = scalar(part(name));
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most) return value as number;
  throw cannot(at, `${name} is no number from 0 to ${most}, which is what the list has place for`);
};

const apply = (resource: EditableJson, operation: Operation, locator: Locator): void => {
  const { type, at, path } = operation;
  const inOperation = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof FhirError) || error.message.startsWith(at)) throw error;
      throw cannot(at, error.message);
    }
  };
  inOperation(() => {
    switch (type) {
      case 'add': {
        const name = scalar(operation.part('name'));
        if (typeof name !== 'string') throw cannot(at, 'the part name is a string');
        return addTo(one(locator.locate(path, resource), at), name, operation, locator);
      }
      case 'insert':
        return insert(collection(path, resource, operation, locator), operation, locator);
      case 'move':
        return move(collection(path, resource, operation, locator), operation, locator);
      case 'replace': {
        const place = one(locator.locate(path, resource), at);
        if (place.within === undefined) throw cannot(at, 'the whole resource is replaced by PUT');
        const { parent, property, index } = place.within;
        const [is] = locator.properties(parent.type, property);
        const content = contentOf(operation.part('value'), is!, locator);
        const target = content.type === undefined ? is! : chosen(locator, parent, is!.element.name, content, at);
        return write(locator, parent, target, content, { index, replace: true, was: property });
      }
      case 'delete': {
        const places = locator.locate(path, resource);
        if (places.length === 0) return undefined;
        return erase(locator, one(places, at), at);
      }
    }
  });
};

const one = (places: readonly Place[], at: string): Place => {
  const [place] = places;
  if (place !== undefined && places.length === 1) return place;
  throw cannot(
    at,
    places.length === 0 ? 'the path leads to nothing in this resource' : `the path leads to ${places.length} elements: it must lead to one`,
  );
};

interface Collection {
  readonly parent: Place;
  readonly name: string;
}

/** The list that a path names, which may be empty: its last step is a name. */
const collection = ({ root, steps }: PatchPath, resource: EditableJson, { at }: Operation, locator: Locator): Collection => {
  const last: Step | undefined = steps.at(-1);
  if (last?.kind !== 'child') throw cannot(at, 'the path names a list, such as Patient.identifier');
  return { parent: one(locator.locate({ root, steps: steps.slice(0, -1) }, resource), at), name: last.name };
};

const addTo = (parent: Place, name: string, { at, part }: Operation, locator: Locator): void => {
  const [first] = locator.properties(parent.type, name);
  const content = contentOf(part('value'), first!, locator);
  const property = chosen(locator, parent, name, content, at);
  const holder = locator.objectOf(parent, true)!;
  const isList = property.element.max > 1;
  const taken = locator
    .properties(parent.type, property.element.name)
    .find((each) => holder.members.has(each.name) || holder.members.has(`_${each.name}`));
  if (!isList && taken !== undefined) throw cannot(at, `${parent.path}.${name} is there already: use replace`);
  write(locator, parent, property, content, { index: isList ? lengthOf(holder, property.name) : undefined, replace: false });
};

const insert = ({ parent, name }: Collection, operation: Operation, locator: Locator): void => {
  const [first] = locator.properties(parent.type, name);
  if (!(first!.element.max > 1)) throw cannot(operation.at, `${parent.path}.${name} is no list: use add or replace`);
  const content = contentOf(operation.part('value'), first!, locator);
  const holder = locator.objectOf(parent, true)!;
  const index = count(operation, 'index', lengthOf(holder, name));
  write(locator, parent, first!, content, { index, replace: false });
};

const move = ({ parent, name }: Collection, operation: Operation, locator: Locator): void => {
  locator.properties(parent.type, name);
  const holder = locator.objectOf(parent);
  const length = holder === undefined ? 0 : lengthOf(holder, name);
  if (holder === undefined || length === 0) throw cannot(operation.at, `there is no list ${parent.path}.${name}`);
  const source = count(operation, 'source', length - 1);
  const destination = count(operation, 'destination', length - 1);
  if (source === destination) return;
  for (const each of [name, `_${name}`]) {
    const list = holder.members.get(each);
    const moved = list?.items[source];
    if (list === undefined || moved === undefined) continue;
    list.removeAt(source);
    list.insert(destination, moved);
  }
};

const lengthOf = (holder: EditableJson, property: string): number =>
  Math.max(...[property, `_${property}`].map((name) => holder.members.get(name)?.items.length ?? 0));

/** The JSON member for a content: of a choice, the one of its type. */
const chosen = (locator: Locator, parent: Place, name: string, { type }: Content, at: string): Property => {
  const properties = locator.properties(parent.type, name);
  if (properties.length === 1) return properties[0]!;
  const found = properties.find((each) => each.type === type);
  if (found === undefined)
    throw cannot(at, `${name} can't be a ${type ?? 'type without a name'}: it is one of ${properties.map((each) => each.type).join(', ')}`);
  return found;
};

/** The content of a part: a value[x], a resource, or parts that make a type without a name. */
const contentOf = (part: EditableJson, property: Property, locator: Locator): Content => {
  const key = valueKey(part);
  if (key !== undefined) {
    const named = key.slice('value'.length);
    const lower = named.charAt(0).toLowerCase() + named.slice(1);
    const type = locator.isPrimitive(lower) ? lower : named;
    return { value: part.members.get(key), extensions: part.members.get(`_${key}`), type };
  }
  const resource = part.members.get('resource');
  if (resource !== undefined) return { value: resource, extensions: undefined, type: 'Resource' };
  const made = new EditableJson('{}');
  const place: Place = { node: made, type: property.type, path: property.type };
  for (const each of partsOf(part) ?? []) {
    const name = each.isObject ? each.members.get('name')?.value : undefined;
    if (typeof name !== 'string') throw new FhirError('unprocessable', 'each part of a value has a name');
    const [inner] = locator.properties(property.type, name);
    const content = contentOf(each, inner!, locator);
    const target = chosen(locator, place, name, content, property.type);
    write(locator, place, target, content, { index: target.element.max > 1 ? lengthOf(made, target.name) : undefined, replace: false });
  }
  if (made.members.size === 0) throw new FhirError('unprocessable', 'the value is empty: give it a value[x] or parts');
  return { value: made, extensions: undefined, type: undefined };
};

interface Where {
  readonly index: number | undefined;
  readonly replace: boolean;
  /** The member that a replaced choice had before. */
  readonly was?: string;
}

/** Puts a content into a member, or into its list at an index. */
const write = (
  locator: Locator,
  parent: Place,
  { name, type }: Property,
  { value, extensions }: Content,
  { index, replace, was }: Where,
): void => {
  const holder = locator.objectOf(parent, true)!;
  if (was !== undefined && was !== name) for (const old of [was, `_${was}`]) holder.drop(old);
  if (index === undefined) {
    if (value === undefined) holder.drop(name);
    else holder.put(name, value);
    if (extensions !== undefined) holder.put(`_${name}`, extensions);
    else if (locator.isPrimitive(type)) holder.drop(`_${name}`);
    return;
  }
  const length = lengthOf(holder, name);
  const nothing = new EditableJson('null');
  const put = (member: string, item: EditableJson | undefined): void => {
    let list = holder.members.get(member);
    if (list === undefined) {
      if (item === undefined) return;
      holder.put(member, (list = new EditableJson(JSON.stringify(Array.from({ length }, () => null)))));
    }
    list.insert(index, item ?? nothing, replace ? 1 : 0);
  };
  put(name, value);
  if (locator.isPrimitive(type)) {
    put(`_${name}`, extensions);
    tidy(holder, name);
  }
};

/** A list without anything in it is left out, as JSON in FHIR demands. */
const tidy = (holder: EditableJson, name: string): void => {
  for (const member of [name, `_${name}`]) {
    const list = holder.members.get(member);
    if (list?.isArray === true && list.items.every(({ text }) => text === 'null')) holder.drop(member);
  }
};

/** Removes an element, and what is empty without it. */
const erase = (locator: Locator, { within, type }: Place, at: string): void => {
  if (within === undefined) throw cannot(at, 'the resource itself is deleted by DELETE');
  const { parent, property, index } = within;
  const holder = locator.objectOf(parent)!;
  for (const member of locator.isPrimitive(type) ? [property, `_${property}`] : [property]) {
    if (index === undefined) holder.drop(member);
    else holder.members.get(member)?.removeAt(index);
  }
  tidy(holder, property);
  if (holder.members.size > 0) return;
  if (holder === parent.node) erase(locator, parent, at);
  else if (parent.within !== undefined) {
    // The id and extensions of a primitive were all that was in there.
    const { parent: above, property: name, index: place } = parent.within;
    const aside = locator.objectOf(above)!;
    if (place === undefined) aside.drop(`_${name}`);
    else aside.members.get(`_${name}`)?.insert(place, new EditableJson('null'), 1);
    tidy(aside, name);
    if (aside.members.size === 0) erase(locator, above, at);
  }
};
