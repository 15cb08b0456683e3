/** In which form a client sends and wants to see things. Source: http://hl7.org/fhir/R4/http.html#mime-type, http://hl7.org/fhir/R4/http.html#ops */
import { FhirError } from './outcome.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';
export const FHIR_XML = 'application/fhir+xml; charset=utf-8';

export type Format = 'json' | 'xml' | 'html';

/** What answers are shown in: a format joins where fhir/presentation/present.ts can show it. */
const OFFERED: ReadonlySet<Format> = new Set<Format>(['json', 'xml', 'html']);
/** What bodies are read from: a format joins where fhir/presentation/body-text.ts can read it. */
const READABLE: ReadonlySet<Format> = new Set<Format>(['json', 'xml']);

/** UTF-8, and what is the same in it. */
const READABLE_CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii']);

/** `*`/`*` is JSON, as is no wish at all. */
const FORMATS: Readonly<Record<string, Format | undefined>> = {
  json: 'json',
  'application/fhir+json': 'json',
  'application/json+fhir': 'json',
  'application/json': 'json',
  'text/json': 'json',
  'application/*': 'json',
  '*/*': 'json',
  xml: 'xml',
  'application/fhir+xml': 'xml',
  'application/xml+fhir': 'xml',
  'application/xml': 'xml',
  'text/xml': 'xml',
  html: 'html',
  'text/html': 'html',
  'application/xhtml+xml': 'html',
  'text/*': 'html',
};
/** What a range with a `*` may be answered with where it is refused what FORMATS says of it. */
const INSTEAD: Readonly<Record<string, readonly Format[] | undefined>> = {
  'application/*': ['json', 'xml'],
  '*/*': ['json', 'xml', 'html'],
};
/** Values of fhirVersion; the patch number is more than FHIR asks for, and means the same. */
const VERSIONS = new Set(['4.0', '4.0.1']);

interface MediaRange {
  readonly type: string;
  readonly format: Format | undefined;
  /** Of FHIR, as the parameter fhirVersion says it; undefined without one. */
  readonly version: string | undefined;
  readonly quality: number;
}

const parseRange = (text: string): MediaRange => {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  let version: string | undefined;
  let quality = 1;
  for (const parameter of parameters) {
    const [name, value = ''] = parameter.split('=', 2).map((part) => part.trim());
    if (name === 'fhirversion') version = value.replaceAll('"', '');
    else if (name === 'q') quality = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(value) ? Number(value) : 0;
  }
  // A plus sign that a client left as it is in an address arrives as a space.
  return { type, format: FORMATS[type.replace('fhir json', 'fhir+json').replace('fhir xml', 'fhir+xml')], version, quality };
};

/** Whether a media range is of a format that answers are shown in; `*` names none. */
export const namesFormat = (range: string): boolean => !range.includes('*') && parseRange(range).format !== undefined;

/** Whether a media type is of a format that resources are sent in. */
export const isOfFhir = (contentType: string): boolean => {
  const { format } = parseRange(contentType);
  return format !== undefined && READABLE.has(format);
};

const isServed = ({ version }: MediaRange): boolean => version === undefined || VERSIONS.has(version);

const notAcceptable = (what: string, ranges: readonly MediaRange[], expression: string): FhirError => {
  const other = ranges.find((range) => !isServed(range));
  const offer = [...OFFERED].map((format) => (format === 'html' ? 'text/html' : `application/fhir+${format}`)).join(' or ');
  return new FhirError(
    'not-acceptable',
    other === undefined
      ? `${what} can't be served: accept ${offer}`
      : `${what} can't be served: fhirVersion=${other.version!.slice(0, 20)} is another FHIR than this server's, which is 4.0`,
    { expression },
  );
};

/** The format to answer in: of `_format` where it is given, else what Accept likes best; 406 where that can't be served. */
export const answerFormat = (accept: string | undefined, query: string): Format => {
  const wanted = query.includes('_format=') ? /(?:^|&)_format=([^&]+)/.exec(query)?.[1] : undefined;
  if (wanted !== undefined) {
    let decoded = wanted;
    try {
      decoded = decodeURIComponent(wanted);
    } catch {
      // Told as it stands.
    }
    const range = parseRange(decoded);
    if (range.format !== undefined && OFFERED.has(range.format) && isServed(range)) return range.format;
    throw notAcceptable(`_format=${decoded.slice(0, 80)}`, [range], 'http._format');
  }
  if (accept === undefined || accept === '' || accept === '*/*' || accept === 'application/fhir+json') return 'json';
  const ranges = accept.split(',').map(parseRange);
  // What a range refuses, one with a `*` doesn't bring back: the more specific one counts. Source: RFC 9110, section 12.5.1
  const refused = new Set(ranges.filter(({ type, quality }) => quality === 0 && !type.includes('*')).map(({ format }) => format));
  let best: Format | undefined;
  let bestQuality = 0;
  for (const range of ranges) {
    if (range.quality <= bestQuality || !isServed(range)) continue;
    const format =
      range.type.includes('*') && refused.has(range.format) ? INSTEAD[range.type]?.find((each) => !refused.has(each)) : range.format;
    if (format === undefined || !OFFERED.has(format)) continue;
    best = format;
    bestQuality = range.quality;
  }
  if (best === undefined) throw notAcceptable(`Accept: ${accept.slice(0, 120)}`, ranges, 'http.Accept');
  return best;
};

/** The format of a body by its Content-Type, JSON without one; 415 where it can't be read. */
export const bodyFormat = (contentType: string | undefined): Format => {
  if (contentType === undefined || contentType === '') return 'json';
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(contentType)?.[1];
  if (charset !== undefined && !READABLE_CHARSETS.has(charset.toLowerCase())) {
    const says = `Content-Type: charset=${charset.slice(0, 40)} can't be read: FHIR is sent in UTF-8`;
    throw new FhirError('unsupported-media-type', says, { expression: 'http.Content-Type' });
  }
  const range = parseRange(contentType);
  if (range.format !== undefined && READABLE.has(range.format) && isServed(range)) return range.format;
  const offer = [...READABLE].map((format) => `application/fhir+${format}`).join(' or ');
  if (/^application\/(?:fhir\+|x-)?ndjson/i.test(contentType)) {
    const says = `NDJSON is read from the import folder only: send $import a Parameters resource that names its files, or a batch Bundle, as ${offer}`;
    throw new FhirError('unsupported-media-type', says, { expression: 'http.Content-Type' });
  }
  throw new FhirError(
    'unsupported-media-type',
    isServed(range)
      ? `Content-Type: ${contentType.slice(0, 120)} can't be read: send ${offer}`
      : `Content-Type: ${contentType.slice(0, 120)} is of another FHIR version than this server's, which is 4.0`,
    { expression: 'http.Content-Type' },
  );
};

export interface Preferences {
  /** What a write answers with. */
  readonly return: 'minimal' | 'representation' | 'OperationOutcome' | undefined;
  /** Whether unknown search parameters are left out with a warning. */
  readonly lenient: boolean;
  /** Rather begin a job than wait for the answer. */
  readonly respondAsync: boolean;
}

/** The Prefer header; what isn't understood is left aside, as RFC 7240 demands. */
export const parsePrefer = (header: string | undefined): Preferences => {
  const given = header === undefined ? NONE : preferences(header);
  const shown = given.get('return')?.toLowerCase();
  return {
    return: RETURNS.find((each) => each.toLowerCase() === shown),
    lenient: given.get('handling')?.toLowerCase() === 'lenient',
    respondAsync: given.has('respond-async'),
  };
};

const RETURNS = ['minimal', 'representation', 'OperationOutcome'] as const;
const NONE: ReadonlyMap<string, string> = new Map();
// A name, perhaps a value, perhaps quoted. Parameters of a preference count as preferences, since clients separate those by semicolons too.
const PREFERENCE = /(?:^|[,;])\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,;"]*)))?/g;

/** Each preference by its name in lower case; of one that comes twice the first counts. Source: RFC 7240, section 2 */
export const preferences = (header: string): ReadonlyMap<string, string> => {
  const found = new Map<string, string>();
  for (const [, name = '', quoted, plain = ''] of header.slice(0, 1000).matchAll(PREFERENCE)) {
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (!found.has(name.toLowerCase())) found.set(name.toLowerCase(), value);
  }
  return found;
};
