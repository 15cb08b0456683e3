/** A Bundle to process. Source: http://hl7.org/fhir/R4/http.html#transaction */
import { setImmediate } from 'node:timers/promises';
import { type Classified, classify } from '../../proto/access/interaction.ts';
import { isLarge } from '../http/body.ts';
import { FhirError } from '../http/outcome.ts';
import type { Bytes } from '../json/bytes.ts';
import { piecesOf } from '../json/pieces.ts';
import { MAX_DEPTH, parseJson } from '../json/strict.ts';
import { members } from '../json/text.ts';
import { isObject, type Json } from '../json/value.ts';
import { criteriaOf } from './criteria.ts';
import { parseBody, refuseBody } from './prepare.ts';

export interface Entry {
  /** Place in the Bundle, from 0. */
  readonly index: number;
  readonly fullUrl: string | undefined;
  readonly method: string;
  /** As sent. */
  readonly url: string;
  readonly target: Classified;
  /** Without the question mark. */
  readonly query: string;
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
  /** As in the header. */
  readonly ifModifiedSince: string | undefined;
  readonly ifNoneExist: string | undefined;
  /** The resource's own text; of a patch in a Binary, what is in there; empty without one. Of a large Bundle it is made each time. */
  readonly text: () => string;
  /** Of the text. */
  readonly contentType: string;
  /** What the text says, where that is kept: of a large Bundle it isn't. */
  readonly resource: unknown;
}

export interface IncomingBundle {
  readonly type: 'batch' | 'transaction';
  /** Each entry, or why it can't be processed. */
  readonly entries: readonly (Entry | FhirError)[];
  /** Its entries are read from its bytes each time that they are asked for, since all of them as values don't fit into memory. */
  readonly isLarge: boolean;
}

/** As many entries are worked on before others have their turn: 20 ms or so. */
export const IN_ONE_TURN = 128;
/** Levels of the Bundle and its entries, above an entry. */
const OUTER_DEPTH = 2;
// A mark of byte order inside a text is a fault of JSON; the one before it is dropped first.
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const WHOLE = new TextDecoder('utf-8', { fatal: true });

/** Takes a Bundle apart, with every resource kept as it was written; throws 400 where it is no batch and no transaction. */
export const parseBundle = async (bytes: Bytes, baseUrl: string, maxEntries: number): Promise<IncomingBundle> => {
  const pieces = piecesOf(bytes, 'entry');
  if (pieces === undefined) throw notJson(bytes);
  const bundle = parseBody(pieces.frame);
  if (!isObject(bundle) || bundle['resourceType'] !== 'Bundle') throw noBundle();
  const type = bundle['type'];
  if (type !== 'batch' && type !== 'transaction') {
    const given = type === undefined ? 'this one says none' : `not ${JSON.stringify(type).slice(0, 40)}`;
    throw new FhirError('value', `a Bundle to process is of type batch or transaction, ${given}`, {
      expression: 'Bundle.type',
    });
  }
  if ('entry' in bundle && !Array.isArray(bundle['entry']))
    throw new FhirError('structure', 'Bundle.entry is an array', { expression: 'Bundle.entry' });
  const { elements } = pieces;
  if (elements.length > maxEntries) {
    throw new FhirError('too-costly', `the Bundle has ${elements.length} entries, and ${maxEntries} is the most at once: split it`, {
      expression: 'Bundle.entry',
    });
  }
  const areMany = isLarge(bytes);
  const entries: (Entry | FhirError)[] = [];
  for (const [index, { start, end }] of elements.entries()) {
    if (areMany && index % IN_ONE_TURN === 0) await setImmediate();
    try {
      const text = UTF8.decode(bytes.between(start, end));
      const entry = parseEntry(parseJson(text, MAX_DEPTH - OUTER_DEPTH), index, resourceText(text), baseUrl);
      entries.push(areMany ? readAgain(entry, () => bytes.between(start, end)) : entry);
    } catch (error) {
      if (!(error instanceof FhirError)) throw notJson(bytes);
      entries.push(error);
    }
  }
  return { type, entries, isLarge: areMany };
};

const noBundle = (): FhirError =>
  new FhirError('invalid', 'the base address takes a Bundle: post other resources to their type, as in POST /Patient', {
    expression: 'Bundle.resourceType',
  });

/** What is wrong with bytes that don't come apart. */
const notJson = (bytes: Bytes): FhirError => {
  let text: string;
  try {
    text = WHOLE.decode(bytes.between(0, bytes.length));
  } catch (cause) {
    return new FhirError('structure', 'the body is not valid UTF-8: FHIR is always sent as UTF-8', { cause });
  }
  refuseBody(text);
  return noBundle();
};

/** The same entry without its text in memory; that of a patch is what is in its Binary, and stays. */
const readAgain = (entry: Entry, bytes: () => Uint8Array): Entry =>
  entry.target.interaction.endsWith('patch') ? entry : { ...entry, resource: undefined, text: () => resourceText(UTF8.decode(bytes())) };

/** Of the entry whose text is given. */
const resourceText = (text: string): string => {
  const span = members(text, text.indexOf('{')).find(({ key }) => key === 'resource');
  return span === undefined ? '' : text.slice(span.start, span.end);
};

const ELEMENTS: Readonly<Record<'entry' | 'request', ReadonlySet<string>>> = {
  entry: new Set(['id', 'extension', 'modifierExtension', 'link', 'fullUrl', '_fullUrl', 'resource', 'search', 'request', 'response']),
  request: new Set(
    ['id', 'extension', 'modifierExtension', 'method', 'url', 'ifNoneMatch', 'ifModifiedSince', 'ifMatch', 'ifNoneExist'].flatMap(
      (name) => [name, `_${name}`],
    ),
  ),
};

/** A condition that is misspelt would otherwise be left out, and what it shall prevent be done. */
const requireKnown = (object: Json, kind: 'entry' | 'request', at: string): void => {
  for (const name of Object.keys(object)) {
    if (ELEMENTS[kind].has(name)) continue;
    const says = `${at}: a Bundle has no element ${name.slice(0, 40)} there: leave it out, or spell it as R4 does`;
    throw new FhirError('structure', says, { expression: at });
  }
};

const parseEntry = (value: unknown, index: number, text: string, baseUrl: string): Entry => {
  const at = `Bundle.entry[${index}]`;
  const request = isObject(value) ? value['request'] : undefined;
  if (!isObject(request)) throw new FhirError('structure', `${at} has no request: say method and url`, { expression: `${at}.request` });
  requireKnown(value as Json, 'entry', at);
  requireKnown(request, 'request', `${at}.request`);
  const method = textOf(request, 'method', at);
  const url = textOf(request, 'url', at);
  if (method === undefined || url === undefined) {
    throw new FhirError('structure', `${at}.request must have a method and a url`, { expression: `${at}.request` });
  }
  const relative = url.startsWith(`${baseUrl}/`) ? url.slice(baseUrl.length + 1) : url.replace(/^\//, '');
  const question = relative.indexOf('?');
  const target = classify(method, `/${question === -1 ? relative : relative.slice(0, question)}`);
  if (target?.job !== undefined) {
    throw new FhirError('not-supported', `${at}: a job is looked after by requests of its own`, { expression: `${at}.request.url` });
  }
  if (target === undefined || (/^[a-z]+:/.test(relative) && !relative.startsWith('metadata'))) {
    throw new FhirError('invalid', `${at}: FHIR has no ${method.slice(0, 10)} ${relative.slice(0, 80)}`, {
      expression: `${at}.request.url`,
    });
  }
  const needsResource = ['create', 'update', 'conditional-update', 'patch', 'conditional-patch'].includes(target.interaction);
  if (needsResource && text === '') throw new FhirError('structure', `${at} has no resource to store`, { expression: `${at}.resource` });
  const ifNoneExist = textOf(request, 'ifNoneExist', at);
  return {
    index,
    fullUrl: isObject(value) ? textOf(value, 'fullUrl', at) : undefined,
    method,
    url,
    target,
    query: question === -1 ? '' : relative.slice(question + 1),
    ifMatch: textOf(request, 'ifMatch', at),
    ifNoneMatch: textOf(request, 'ifNoneMatch', at),
    ifModifiedSince: headerDate(textOf(request, 'ifModifiedSince', at)),
    ifNoneExist: ifNoneExist === undefined ? undefined : criteriaOf(ifNoneExist),
    ...(target.interaction.endsWith('patch')
      ? patchIn((value as Json)['resource'], text, at)
      : { text: () => text, contentType: 'application/fhir+json' }),
    resource: isObject(value) ? value['resource'] : undefined,
  };
};

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** In a Bundle ifModifiedSince is an instant; the header that it stands for has whole seconds. What isn't an instant stays as it is. */
const headerDate = (written: string | undefined): string | undefined =>
  written !== undefined && INSTANT.test(written) ? new Date(written).toUTCString() : written;

/** A patch is a Parameters resource, or lies in a Binary. Source: http://hl7.org/fhir/R4/http.html#transaction */
const patchIn = (resource: unknown, text: string, at: string): Pick<Entry, 'text' | 'contentType'> => {
  if (!isObject(resource) || resource['resourceType'] !== 'Binary') return { text: () => text, contentType: 'application/fhir+json' };
  const { contentType, data } = resource;
  try {
    if (typeof contentType === 'string' && typeof data === 'string' && /^[\w+/=\s]*$/.test(data)) {
      const patch = UTF8.decode(Buffer.from(data, 'base64'));
      return { text: () => patch, contentType };
    }
  } catch {
    // Told below.
  }
  throw new FhirError('structure', `${at}: a patch in a Binary has a contentType, such as application/json-patch+json, and base64 data`, {
    expression: `${at}.resource`,
  });
};

const textOf = (object: Json, name: string, at: string): string | undefined => {
  const value = object[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new FhirError('structure', `${at}: ${name} is a string`, { expression: at });
};
