/** JSON → XML. Source: http://hl7.org/fhir/R4/xml.html */
import { setImmediate } from 'node:timers/promises';
import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import type { Bytes } from '../json/bytes.ts';
import { numbersAsText } from '../json/number-text.ts';
import { piecesOf } from '../json/pieces.ts';
import { isObject, type Json } from '../json/value.ts';
import { embeddedDiv } from './narrative.ts';
import { XmlSyntaxError } from './parser.ts';
import { FHIR_NAMESPACE, isPrimitive, type Shape, type Shapes, shapesOf, type Slot } from './shape.ts';
import { escapeAttribute } from './escape.ts';

/** Entries that are written before others have their turn. */
const IN_ONE_TURN = 64;

/** What is written so far, and where the walk is. */
interface Output {
  readonly shapes: Shapes;
  readonly path: (string | number)[];
  readonly isPretty: boolean;
  depth: number;
  text: string;
}

/** What precedes a tag when it's for people. */
const line = ({ isPretty, depth }: Output): string => (isPretty ? `\n${'  '.repeat(depth)}` : '');

/**
 * The XML of a resource whose JSON text is valid, indented if it shall be; numbers are written as they stand in the text. Throws 406 naming the element that
 * XML can't hold: a narrative that isn't well-formed, a character that XML 1.0 hasn't.
 */
export const toXml = (jsonText: string, registry: Registry, isPretty = false): string => {
  const out: Output = { shapes: shapesOf(registry), path: [], isPretty, depth: 0, text: '<?xml version="1.0" encoding="UTF-8"?>' };
  writeResource(JSON.parse(numbersAsText(jsonText)), ` xmlns="${FHIR_NAMESPACE}"`, out);
  return out.text;
};

/**
 * The XML of a Bundle that may be too long to be one text, piece by piece: its other elements come before its entries, as those of an
 * answer to a batch or transaction do. Throws as {@link toXml}.
 */
export async function* bundleToXml(json: Bytes, registry: Registry, isPretty = false): AsyncGenerator<Buffer> {
  const { frame, elements } = piecesOf(json, 'entry')!;
  const end = isPretty ? '\n</Bundle>' : '</Bundle>';
  yield Buffer.from(toXml(frame, registry, isPretty).slice(0, -end.length));
  const shapes = shapesOf(registry);
  const slot = shapes.resource('Bundle')!.slots.get('entry')!;
  for (let from = 0; from < elements.length; from += IN_ONE_TURN) {
    if (from > 0) await setImmediate();
    const out: Output = { shapes, path: [], isPretty, depth: 1, text: '' };
    for (const [i, each] of elements.slice(from, from + IN_ONE_TURN).entries()) {
      out.path.splice(0, Infinity, 'Bundle', 'entry', from + i);
      const text = Buffer.from(json.between(each.start, each.end)).toString();
      writeElement(JSON.parse(numbersAsText(text)), undefined, slot, out);
    }
    yield Buffer.from(out.text);
  }
  yield Buffer.from(end);
}

const writeResource = (value: unknown, namespace: string, out: Output): void => {
  const type = isObject(value) ? value['resourceType'] : undefined;
  const shape = typeof type === 'string' ? out.shapes.resource(type) : undefined;
  if (!isObject(value) || shape === undefined) throw cannot(out, 'is no resource of R4');
  if (namespace !== '') out.path.push(shape.type);
  out.text += `${line(out)}<${shape.type}${namespace}`;
  writeContent(value, shape, out);
  out.text += `${line(out)}</${shape.type}>`;
};

/** Closes the start tag, and writes the elements of an object in the order of the definitions. */
const writeContent = (value: Json, shape: Shape, out: Output): void => {
  out.text += '>';
  out.depth++;
  for (const slot of slotsIn(value, shape, out)) {
    out.path.push(slot.name);
    writeSlot(value[slot.name], value[`_${slot.name}`], slot, out);
    out.path.pop();
  }
  out.depth--;
};

const slotsIn = (value: Json, shape: Shape, out: Output): Slot[] => {
  const slots: Slot[] = [];
  let last = -1;
  let isOrdered = true;
  for (const key in value) {
    if (shape.attributes.has(key) || (shape.isResource && key === 'resourceType')) continue;
    const isUnderscored = key.charCodeAt(0) === 95;
    const name = isUnderscored ? key.slice(1) : key;
    const slot = shape.slots.get(name);
    if (slot === undefined || (isUnderscored && !isPrimitive(slot.form)))
      throw cannot(out, `has ${key.slice(0, 60)}, which XML can't hold`);
    // What is beside a value is written with it.
    if (isUnderscored && value[name] !== undefined) continue;
    if (slot.order < last) isOrdered = false;
    last = slot.order;
    slots.push(slot);
  }
  return isOrdered ? slots : slots.sort((a, b) => a.order - b.order);
};

const writeSlot = (value: unknown, extended: unknown, slot: Slot, out: Output): void => {
  if (!slot.repeats) {
    writeElement(value, extended, slot, out);
    return;
  }
  const values: readonly unknown[] = Array.isArray(value) ? value : [];
  const extensions: readonly unknown[] = Array.isArray(extended) ? extended : [];
  for (let i = 0; i < Math.max(values.length, extensions.length); i++) {
    out.path.push(i);
    writeElement(values[i], extensions[i], slot, out);
    out.path.pop();
  }
};

const writeElement = (value: unknown, extended: unknown, slot: Slot, out: Output): void => {
  const { name, form } = slot;
  if (isPrimitive(form)) writePrimitive(value, extended, slot, out);
  else if (form === 'xhtml') writeDiv(value, out);
  else if (form === 'resource') {
    out.text += `${line(out)}<${name}>`;
    out.depth++;
    writeResource(value, '', out);
    out.depth--;
    out.text += `${line(out)}</${name}>`;
  } else if (isObject(value)) writeObject(value, slot, out);
  else throw cannot(out, 'is no object');
};

const writeObject = (value: Json, { name, type }: Slot, out: Output): void => {
  const shape = out.shapes.of(type);
  out.text += `${line(out)}<${name}`;
  for (const each of shape.attributes) if (value[each] !== undefined) out.text += attribute(each, value[each], out);
  writeContent(value, shape, out);
  out.text += `${line(out)}</${name}>`;
};

/** A value as an attribute; what JSON has beside it in `_name`, as id and extensions. */
const writePrimitive = (value: unknown, extended: unknown, { name }: Slot, out: Output): void => {
  const beside = isObject(extended) ? extended : undefined;
  out.text += `${line(out)}<${name}`;
  if (beside?.['id'] !== undefined) out.text += attribute('id', beside['id'], out);
  if (value !== undefined && value !== null) out.text += attribute('value', value, out);
  if (beside?.['extension'] === undefined) out.text += '/>';
  else {
    writeContent(beside, out.shapes.of('Element'), out);
    out.text += `${line(out)}</${name}>`;
  }
};

const writeDiv = (value: unknown, out: Output): void => {
  if (typeof value !== 'string') throw cannot(out, 'is no text');
  try {
    out.text += line(out) + embeddedDiv(value);
  } catch (error) {
    if (error instanceof XmlSyntaxError) throw cannot(out, `is not well-formed XHTML (${error.message})`);
    throw error;
  }
};

// oxlint-disable-next-line no-control-regex -- control characters are what XML can't hold or must escape
const SPECIAL = /[&<>"\u0000-\u001f\ud800-\udfff\ufffe\uffff]/;
// oxlint-disable-next-line no-control-regex -- as above
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;
const attribute = (name: string, value: unknown, out: Output): string => {
  if (typeof value !== 'string') {
    if (typeof value === 'boolean') return ` ${name}="${value}"`;
    throw cannot(out, 'is no text, number or boolean');
  }
  if (!SPECIAL.test(value)) return ` ${name}="${value}"`;
  if (FORBIDDEN.test(value) || !value.isWellFormed()) throw cannot(out, 'holds a character that XML 1.0 has no way to write');
  return ` ${name}="${escapeAttribute(value)}"`;
};

const cannot = ({ path }: Output, why: string): FhirError => {
  let expression = '';
  for (const step of path) expression += typeof step === 'number' ? `[${step}]` : expression === '' ? step : `.${step}`;
  return new FhirError('not-acceptable', `${expression || 'the answer'} ${why}: ask for application/fhir+json`, {
    ...(expression !== '' && { expression }),
  });
};
