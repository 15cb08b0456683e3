/** What the client accepts and prefers. Source: http://hl7.org/fhir/R4/http.html#mime-type, http://hl7.org/fhir/R4/http.html#ops */
import { FhirError } from './outcome.ts';

export const FHIR_JSON = 'application/fhir+json; charset=utf-8';

const JSON_TYPES = new Set([
  'application/fhir+json',
  'application/json',
  'text/json',
  'json',
  'application/json+fhir',
  '*/*',
  'application/*',
]);
const mediaType = (value: string): string =>
  value.split(';', 1)[0]!.trim().toLowerCase().replace('application/fhir json', 'application/fhir+json');

/** Throws 406 where the client accepts no form of JSON; `_format` wins over Accept. */
export const requireJsonAccepted = (accept: string | undefined, query: string): void => {
  const format = /(?:^|&)_format=([^&]*)/.exec(query)?.[1];
  if (format !== undefined && format !== '') {
    let decoded = format;
    try {
      decoded = decodeURIComponent(format);
    } catch {
      // Told as it stands.
    }
    if (!JSON_TYPES.has(mediaType(decoded))) {
      throw new FhirError('not-acceptable', `_format=${decoded.slice(0, 80)} can't be served: use json`, { expression: 'http._format' });
    }
    return;
  }
  if (accept === undefined || accept === '') return;
  const acceptable = accept.split(',').some((part) => JSON_TYPES.has(mediaType(part)) || mediaType(part) === 'text/html');
  if (!acceptable) {
    throw new FhirError('not-acceptable', `Accept: ${accept.slice(0, 120)} can't be served: accept application/fhir+json`, {
      expression: 'http.Accept',
    });
  }
};

/** Throws 415 where a body's Content-Type is given and is no JSON. */
export const requireJsonContent = (contentType: string | undefined): void => {
  if (contentType === undefined || contentType === '') return;
  if (!JSON_TYPES.has(mediaType(contentType))) {
    throw new FhirError('unsupported-media-type', `Content-Type: ${contentType.slice(0, 120)} can't be read: send application/fhir+json`, {
      expression: 'http.Content-Type',
    });
  }
};

export interface Preferences {
  /** What a write answers with. */
  readonly return: 'minimal' | 'representation' | 'OperationOutcome' | undefined;
  /** Whether unknown search parameters are left out with a warning. */
  readonly lenient: boolean;
}

/** The Prefer header; what isn't understood is left aside, as RFC 7240 demands. */
export const parsePrefer = (header: string | undefined): Preferences => {
  const wanted = header?.match(/(?:^|[;,\s])return\s*=\s*"?(minimal|representation|OperationOutcome)\b/)?.[1];
  return {
    return: wanted as Preferences['return'],
    lenient: header !== undefined && /(?:^|[;,\s])handling\s*=\s*"?lenient\b/.test(header),
  };
};
