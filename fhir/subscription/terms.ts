/** What a Subscription asks for. Source: http://hl7.org/fhir/R4/subscription.html */
import { missingScope, type ScopeSet } from '../../proto/access/scope.ts';
import { FhirError } from '../http/outcome.ts';
import type { Json } from '../json/value.ts';
import type { Server } from '../server.ts';
import type { EndpointCheck } from './endpoint.ts';

export interface Terms {
  readonly type: string;
  /** Without the type and the question mark. */
  readonly criteria: string;
  readonly endpoint: string;
  /** Whether the resource is sent along. */
  readonly hasPayload: boolean;
  /** In XML, where it is sent along. */
  readonly isXml: boolean;
  /** Whether it is told that what met the criteria was deleted. */
  readonly tellsDeletes: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly endMs: number | undefined;
}

/** True on the Subscription or its channel: R4 has no word for it, HAPI has this one. */
const DELETES = 'http://hapifhir.io/fhir/StructureDefinition/subscription-send-delete-messages';
const PAYLOADS: Readonly<Record<string, 'json' | 'xml'>> = {
  'application/fhir+json': 'json',
  'application/json': 'json',
  'application/fhir+xml': 'xml',
  'application/xml': 'xml',
};
const MAX_CRITERIA = 2000;
const MAX_HEADERS = 20;
/** Characters of an endpoint: what is done with one takes the longer the longer it is. */
const MAX_ENDPOINT = 2000;
const HEADER = /^([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}):[ \t]*([\x20-\x7e]{0,4000})$/;
/** Of the message itself, which the sender makes. */
const OWN_HEADERS = new Set([
  'host',
  'content-length',
  'content-type',
  'transfer-encoding',
  'connection',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
]);

const refuse = (kind: 'value' | 'not-supported' | 'unprocessable', element: string, diagnostics: string): FhirError =>
  new FhirError(kind, diagnostics, { expression: `Subscription.${element}` });

/** The terms of a valid Subscription; throws 400 or 422 naming the element that can't be kept to. */
export const readTerms = (resource: Json, { registry, baseUrl }: Pick<Server, 'registry' | 'baseUrl'>, isAllowed: EndpointCheck): Terms => {
  const channel = resource['channel'] as Json;
  if (channel['type'] !== 'rest-hook') {
    throw refuse('not-supported', 'channel.type', `this server has no ${String(channel['type'])} channel: use rest-hook`);
  }
  const written = String(resource['criteria']);
  if (written.length > MAX_CRITERIA) throw refuse('value', 'criteria', `criteria have ${MAX_CRITERIA} characters at most`);
  const [, type, criteria = ''] = /^([A-Z][A-Za-z]+)(?:\?(.*))?$/s.exec(written) ?? [];
  if (type === undefined || !registry.isResourceType(type))
    throw refuse('value', 'criteria', 'criteria is no search of a type, such as Observation?code=http://loinc.org|1975-2');
  if (type === 'Subscription')
    throw refuse('unprocessable', 'criteria', 'to be told of Subscriptions would never end: each notification may change one');
  const payload = channel['payload'] as string | undefined;
  const hasPayload = payload !== undefined && payload !== '';
  const mediaType = payload?.split(';', 1)[0]!.trim().toLowerCase() ?? '';
  const format = Object.hasOwn(PAYLOADS, mediaType) ? PAYLOADS[mediaType] : undefined;
  if (hasPayload && format === undefined)
    throw refuse(
      'not-supported',
      'channel.payload',
      `a payload of ${payload.slice(0, 60)} can't be sent: use application/fhir+json, application/fhir+xml, or none`,
    );
  const end = resource['end'];
  return {
    type,
    criteria,
    hasPayload,
    isXml: format === 'xml',
    tellsDeletes: [resource, channel].some(asksForDeletes),
    endpoint: endpointOf(channel, { hasPayload, baseUrl, isAllowed }),
    headers: headersOf(channel),
    endMs: typeof end === 'string' ? Date.parse(end) : undefined,
  };
};

const asksForDeletes = ({ extension }: Json): boolean =>
  Array.isArray(extension) && (extension as readonly Json[]).some(({ url, valueBoolean }) => url === DELETES && valueBoolean === true);

const endpointOf = (
  channel: Json,
  { hasPayload, baseUrl, isAllowed }: { readonly hasPayload: boolean; readonly baseUrl: string; readonly isAllowed: EndpointCheck },
): string => {
  const endpoint = channel['endpoint'];
  if (typeof endpoint !== 'string') throw refuse('value', 'channel.endpoint', 'a rest-hook needs an endpoint: the address to send to');
  if (endpoint.length > MAX_ENDPOINT) throw refuse('value', 'channel.endpoint', `an endpoint has ${MAX_ENDPOINT} characters at most`);
  if (!isAllowed(endpoint)) {
    throw refuse(
      'unprocessable',
      'channel.endpoint',
      'nothing may be sent to this endpoint: ask the operator to allow it (SUBSCRIPTION_ENDPOINTS)',
    );
  }
  if (endpoint.startsWith(baseUrl))
    throw refuse('unprocessable', 'channel.endpoint', 'this server would write what it then tells itself of');
  if (hasPayload && endpoint.includes('?'))
    throw refuse('value', 'channel.endpoint', 'with a payload, type and id are put after the endpoint: it can have no query');
  return endpoint.replace(/\/+$/, '');
};

const headersOf = (channel: Json): Record<string, string> => {
  const list = (channel['header'] ?? []) as readonly string[];
  if (list.length > MAX_HEADERS) throw refuse('value', 'channel.header', `a channel has ${MAX_HEADERS} headers at most`);
  return Object.fromEntries(
    list.map((line, i) => {
      const [, name, value] = HEADER.exec(line) ?? [];
      if (name === undefined || value === undefined || OWN_HEADERS.has(name.toLowerCase()))
        throw refuse(
          'value',
          `channel.header[${i}]`,
          `header ${i + 1} can't be sent: write "Name: value", such as "Authorization: Bearer x"`,
        );
      return [name, value];
    }),
  );
};

/** The scope that a subscriber needs and doesn't have: it is told what it could find and read. */
export const missingFor = (scopes: ScopeSet, type: string): string | undefined =>
  missingScope(scopes, type, 'r') ?? missingScope(scopes, type, 's');
