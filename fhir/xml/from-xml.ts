/** XML → JSON. Source: http://hl7.org/fhir/R4/xml.html */
import { setImmediate } from 'node:timers/promises';
import type { SaxesTagNS } from 'saxes';
import type { Registry } from '../definitions/registry.ts';
import { type ErrorDetail, FhirError } from '../http/outcome.ts';
import type { Bytes } from '../json/bytes.ts';
import { MAX_DEPTH } from '../json/strict.ts';
import { createDivReader, type DivReader } from './div-reader.ts';
import { type Frame, gather, openFrame, pathOf, resourceText } from './frame.ts';
import { createXmlParser, XmlSyntaxError } from './parser.ts';
import { createPassage } from './passage.ts';
import { FHIR_NAMESPACE, isPrimitive, type Shape, shapesOf, type Slot, XHTML_NAMESPACE } from './shape.ts';

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** In these white space around the value may be meant. */
const KEEP_SPACE = new Set(['string', 'markdown', 'base64Binary']);
const TEXT = /[^ \t\r\n]/;
/** That of XML: a no-break space is text. */
const OUTER_SPACE = /^[ \t\r\n]+|[ \t\r\n]+$/g;

/** What is well-formed XML, and no resource. */
export class XmlMisfitError extends FhirError {}

/**
 * The JSON text of a resource in XML: the same elements in the order sent, numbers as they were written. Throws 400 with path, line and
 * column on what JSON has no place for: unknown elements, attributes and namespaces, a single element given twice, text between elements.
 */
export const fromXml = (xmlText: string, registry: Registry): string => {
  const reader = createReader(registry);
  reader.read(xmlText);
  return reader.end();
};

/** UTF-16 code units that are read in a few milliseconds. */
const SLICE = 1 << 16;

/** As {@link fromXml}, but letting other requests have their turn while a long text is read. */
export const fromXmlInTurns = async (xmlText: string, registry: Registry): Promise<string> => {
  const reader = createReader(registry);
  for (let start = 0; start < xmlText.length; start += SLICE) {
    if (start > 0) await setImmediate();
    reader.read(xmlText.slice(start, start + SLICE));
  }
  return reader.end();
};

/**
 * The same of a Bundle, which may be too long to be one text: in UTF-8, piece by piece, with the entries before its other elements. Throws
 * besides what TextDecoder does on bytes that are no UTF-8.
 */
export async function* bundleFromXml(xml: Bytes, registry: Registry): AsyncGenerator<Buffer> {
  let entries: string[] = [];
  let areAny = false;
  const reader = createReader(registry, (entry) => void entries.push(entry));
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for (let at = 0; at < xml.length;) {
    if (at > 0) await setImmediate();
    const { bytes, start } = xml.blockAt(at);
    const part = bytes.subarray(at - start, at - start + SLICE);
    at += part.length;
    reader.read(decoder.decode(part, { stream: true }));
    if (entries.length === 0) continue;
    yield Buffer.from(`${areAny ? ',' : '{"entry":['}${entries.join(',')}`);
    areAny = true;
    entries = [];
  }
  reader.read(decoder.decode());
  const others = reader.end();
  yield Buffer.from(areAny ? `],${others.slice(1)}` : others);
}

interface Reader {
  /** Reads what follows. */
  read(text: string): void;
  end(): string;
}

/** With `takeEntry` the entries of a Bundle go there instead of into what `end` returns. */
const createReader = (registry: Registry, takeEntry?: (json: string) => void): Reader => {
  const passage = createPassage();
  const shapes = shapesOf(registry);
  const parser = createXmlParser();
  const frames: Frame[] = [];
  let div: DivReader | undefined;
  let result = '';

  const fault = (what: string, path: string, position: number): [kind: 'structure', diagnostics: string, detail: ErrorDetail] => [
    'structure',
    `${path === '' ? 'the body' : path}: ${what}, at ${passage.placeOf(position)}`,
    path === '' ? {} : { expression: path },
  ];
  const refuse = (what: string, path = pathOf(frames), position = passage.tagStart(parser.position)): never => {
    throw new XmlMisfitError(...fault(what, path, position));
  };

  const resourceFrame = (tag: SaxesTagNS, parent: Frame | undefined): Frame => {
    if (tag.uri !== FHIR_NAMESPACE) refuse(wrongNamespace(tag, FHIR_NAMESPACE));
    const shape = shapes.resource(tag.local);
    if (shape === undefined) return refuse(`${tag.local.slice(0, 60)} is no FHIR R4 resource type: names are written as in /metadata`);
    if (parent?.value !== undefined) refuse('there is one resource here at most: write the element again for each');
    return openFrame(parent, shape, undefined);
  };

  const slotOf = (tag: SaxesTagNS, parent: Frame): Slot => {
    const slot = parent.shape.slots.get(tag.local);
    if (slot === undefined)
      return refuse(`${parent.shape.type} has no element ${tag.local.slice(0, 60)}${hintFor(tag.local, parent.shape)}`);
    const namespace = slot.form === 'xhtml' ? XHTML_NAMESPACE : FHIR_NAMESPACE;
    if (tag.uri !== namespace) refuse(wrongNamespace(tag, namespace));
    if (!slot.repeats && parent.gathered.has(slot.name)) refuse(`there is one ${slot.name} here at most: send it once`);
    return slot;
  };

  const readAttributes = (tag: SaxesTagNS, frame: Frame): void => {
    const { slot, shape } = frame;
    for (const { name, uri, prefix, value } of Object.values(tag.attributes)) {
      if (name === 'xmlns' || prefix === 'xmlns') continue;
      if (uri === '' && shape.attributes.has(name) && slot?.form !== 'resource')
        frame.attributes.push(`"${name}":${JSON.stringify(value)}`);
      else if (uri === '' && name === 'value' && slot !== undefined && isPrimitive(slot.form)) {
        const text = valueText(value, slot);
        frame.value =
          text ??
          refuse(
            `the value of a ${slot.type} should be ${slot.form === 'boolean' ? 'true or false' : 'a number'}`,
            pathOf([...frames, frame]),
          );
      } else refuse(`there is no attribute ${name.slice(0, 60)} here: leave it out`, pathOf([...frames, frame]));
    }
  };

  parser.on('opentag', (tag) => {
    if (div !== undefined) {
      div.open(tag);
      return;
    }
    const parent = frames.at(-1);
    const isResource = parent === undefined || parent.slot?.form === 'resource';
    const slot = isResource ? undefined : slotOf(tag, parent);
    const frame = slot === undefined ? resourceFrame(tag, parent) : openFrame(parent, shapes.of(slot.type), slot);
    if (frame.depth > MAX_DEPTH && !(slot !== undefined && isPrimitive(slot.form)))
      refuse(`the body is nested deeper than ${MAX_DEPTH} levels: flatten it`, frames[0]!.shape.type);
    if (slot?.form === 'xhtml') div = createDivReader(passage, parser, tag);
    else readAttributes(tag, frame);
    frames.push(frame);
  });

  parser.on('closetag', () => {
    if (div !== undefined) {
      const text = div.close();
      if (text === undefined) return;
      frames.at(-1)!.value = JSON.stringify(text);
      div = undefined;
    }
    const frame = frames.pop()!;
    const parent = frames.at(-1);
    if (parent === undefined) result = resourceText(frame);
    else if (!gather(frame, parent)) refuse('an element is never empty: give it a value or leave it out', pathOf([...frames, frame]));
    else if (takeEntry !== undefined && frames.length === 1 && parent.shape.type === 'Bundle' && frame.slot?.name === 'entry') {
      const { values } = parent.gathered.get('entry')!;
      takeEntry(values.at(-1)!);
      values[values.length - 1] = undefined; // its place stays, for the paths of the others
    }
  });

  const text = (content: string): void => {
    if (div !== undefined) div.text(content);
    else if (frames.length > 0 && TEXT.test(content))
      refuse('there is text between elements: values are written as in <active value="true"/>', undefined, parser.position);
  };
  parser.on('text', text);
  parser.on('cdata', text);
  parser.on('processinginstruction', () => div?.instruction());

  const step = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof XmlSyntaxError)) throw error;
      throw new FhirError(...fault(`the XML can't be read: ${error.message}`, pathOf(frames), error.position));
    }
  };
  return {
    read: (more) => {
      passage.add(more);
      step(() => void parser.write(more));
      if (div === undefined) passage.forget();
    },
    end: () => {
      step(() => void parser.close());
      return result;
    },
  };
};

const wrongNamespace = ({ local, uri }: SaxesTagNS, namespace: string): string =>
  `${local.slice(0, 60)} is in ${uri === '' ? 'no namespace' : `the namespace ${uri.slice(0, 80)}`}: write xmlns="${namespace}"`;

const hintFor = (name: string, { slots, attributes }: Shape): string => {
  if (attributes.has(name)) return `: ${name} is an attribute`;
  const near = [...slots.keys()].find((slot) => slot.toLowerCase() === name.toLowerCase() || slot.startsWith(name.slice(0, 4)));
  return near === undefined ? '' : `: did you mean ${near}?`;
};

/** A value attribute as JSON; undefined where JSON has no such number or boolean. */
const valueText = (value: string, { form, type }: Slot): string | undefined => {
  const text = KEEP_SPACE.has(type) ? value : value.replace(OUTER_SPACE, '');
  if (form === 'text') return JSON.stringify(text);
  if (form === 'boolean') return text === 'true' || text === 'false' ? text : undefined;
  // Whole numbers may have a plus sign in XML, which JSON forbids.
  const number = type === 'decimal' ? text : text.replace(/^\+(?=[1-9])/, '');
  return NUMBER.test(number) ? number : undefined;
};
