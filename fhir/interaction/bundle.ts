/** A Bundle to process. Source: http://hl7.org/fhir/R4/http.html#transaction */
import { type Classified, classify } from '../../proto/access/interaction.ts';
import { FhirError } from '../http/outcome.ts';
import { elements, members } from '../json/text.ts';
import { isObject, type Json } from '../json/value.ts';
import { criteriaOf } from './criteria.ts';
import { parseBody } from './prepare.ts';

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
  readonly ifModifiedSince: string | undefined;
  readonly ifNoneExist: string | undefined;
  /** The resource's own text; of a patch in a Binary, what is in there; empty without one. */
  readonly text: string;
  /** What the resource's own text says. */
  readonly resource: unknown;
  /** Of the text. */
  readonly contentType: string;
}

export interface IncomingBundle {
  readonly type: 'batch' | 'transaction';
  /** Each entry, or why it can't be processed. */
  readonly entries: readonly (Entry | FhirError)[];
}

/** Takes a Bundle apart, with every resource kept as it was written; throws 400 where it is no batch and no transaction. */
export const parseBundle = (text: string, baseUrl: string, maxEntries: number): IncomingBundle => {
  const bundle = parseBody(text);
  if (!isObject(bundle) || bundle['resourceType'] !== 'Bundle') {
    throw new FhirError('invalid', 'the base address takes a Bundle: post other resources to their type, as in POST /Patient', {
      expression: 'Bundle.resourceType',
    });
  }
  const type = bundle['type'];
  if (type !== 'batch' && type !== 'transaction') {
    throw new FhirError('value', `a Bundle to process is of type batch or transaction, not ${JSON.stringify(type)?.slice(0, 40)}`, {
      expression: 'Bundle.type',
    });
  }
  const { entry: list = [] } = bundle;
  if (!Array.isArray(list)) throw new FhirError('structure', 'Bundle.entry is an array', { expression: 'Bundle.entry' });
  if (list.length > maxEntries) {
    throw new FhirError('too-costly', `the Bundle has ${list.length} entries, and ${maxEntries} is the most at once: split it`, {
      expression: 'Bundle.entry',
    });
  }
  const span = members(text, text.indexOf('{')).find(({ key }) => key === 'entry');
  const spans = span === undefined ? [] : elements(text, span.start);
  const entries = list.map((value: unknown, index) => {
    try {
      return parseEntry(value, index, resourceText(text, spans[index]!.start), baseUrl);
    } catch (error) {
      if (error instanceof FhirError) return error;
      throw error;
    }
  });
  return { type, entries };
};

const resourceText = (text: string, from: number): string => {
  if (text[from] !== '{') return '';
  const span = members(text, from).find(({ key }) => key === 'resource');
  return span === undefined ? '' : text.slice(span.start, span.end);
};

const parseEntry = (value: unknown, index: number, text: string, baseUrl: string): Entry => {
  const at = `Bundle.entry[${index}]`;
  const request = isObject(value) ? value['request'] : undefined;
  if (!isObject(request)) throw new FhirError('structure', `${at} has no request: say method and url`, { expression: `${at}.request` });
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
  const { resource } = value as Json;
  return {
    index,
    fullUrl: isObject(value) ? textOf(value, 'fullUrl', at) : undefined,
    method,
    url,
    target,
    query: question === -1 ? '' : relative.slice(question + 1),
    ifMatch: textOf(request, 'ifMatch', at),
    ifNoneMatch: textOf(request, 'ifNoneMatch', at),
    ifModifiedSince: textOf(request, 'ifModifiedSince', at),
    ifNoneExist: ifNoneExist === undefined ? undefined : criteriaOf(ifNoneExist),
    resource,
    ...(target.interaction.endsWith('patch') ? patchIn(resource, text, at) : { text, contentType: 'application/fhir+json' }),
  };
};

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** A patch is a Parameters resource, or lies in a Binary. Source: http://hl7.org/fhir/R4/http.html#transaction */
const patchIn = (resource: unknown, text: string, at: string): Pick<Entry, 'text' | 'contentType'> => {
  if (!isObject(resource) || resource['resourceType'] !== 'Binary') return { text, contentType: 'application/fhir+json' };
  const { contentType, data } = resource;
  try {
    if (typeof contentType === 'string' && typeof data === 'string' && /^[\w+/=\s]*$/.test(data))
      return { text: UTF8.decode(Buffer.from(data, 'base64')), contentType };
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
