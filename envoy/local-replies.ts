/** What Envoy answers itself, as mappers of its local_reply_config: an OperationOutcome, in XML for a client that takes nothing else. */
import { GUARD_HEADERS } from '../proto/access/guard-headers.ts';

interface LocalReply {
  /** An access log filter; the first reply whose filter holds is the one. */
  readonly when: object;
  /** OperationOutcome.issue.code */
  readonly code: string;
  /** Without anything that XML would have to escape. */
  readonly text: string;
  readonly isTransient?: boolean;
}

const cel = (expression: string): object => ({
  extension_filter: {
    name: 'cel',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter', expression },
  },
});
const detailsAre = (...words: readonly string[]): string => words.map((word) => `response.code_details == '${word}'`).join(' || ');
const status = (op: 'EQ' | 'GE', value: number): object => ({
  status_code_filter: { comparison: { op, value: { default_value: value, runtime_key: `local_reply.${op.toLowerCase()}_${value}` } } },
});

/**
 * As gateway/authz/outcome.ts has it. It doesn't hold where Envoy has no headers, which is where they break the rules of HTTP/1 or a limit:
 * those refusals are JSON.
 */
const WANTS_XML = cel(
  "request.query.matches('(^|&)_format=[^&]') ? request.query.matches('(^|&)_format=[^&]*(?i:xml)') : " +
    "('accept' in request.headers && request.headers['accept'].matches('(?i:xml)') && !request.headers['accept'].matches('(?i:json)|[*]'))",
);

const REPLIES: readonly LocalReply[] = [
  {
    when: cel(detailsAre('request_rate_limited')),
    code: 'throttled',
    text: 'The client has used up its quota: retry after the seconds in the header retry-after',
  },
  {
    when: cel(detailsAre('ext_authz_error', 'rate_limiter_error')),
    code: 'transient',
    text: 'The gateway that decides about access does not answer: retry',
    isTransient: true,
  },
  { when: status('EQ', 404), code: 'not-found', text: 'Nothing is served at this path: the FHIR base ends in /fhir' },
  { when: status('EQ', 408), code: 'timeout', text: 'The request came too slowly: send it again, the whole of it within a minute' },
  { when: status('EQ', 413), code: 'too-long', text: 'The body of the request is longer than the edge takes' },
  { when: status('EQ', 501), code: 'not-supported', text: 'Of transfer codings chunked alone is understood' },
  { when: status('GE', 500), code: 'transient', text: "The server can't answer now: retry", isTransient: true },
  { when: status('GE', 400), code: 'invalid', text: "The request breaks HTTP's rules or a limit of the edge" },
];

const headersToAdd = (isTransient: boolean): object[] =>
  Object.entries({ ...GUARD_HEADERS, ...(isTransient && { 'retry-after': '1' }) }).map(([key, value]) => ({
    header: { key, value },
    append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
  }));

const [JSON_TYPE, XML_TYPE] = ['application/fhir+json', 'application/fhir+xml'];
const DETAILS = '%RESPONSE_CODE_DETAILS%';

/** A body that is text already: the gateway's. */
const asText = (text: string, contentType: string | undefined): object => ({
  text_format_source: { inline_string: text },
  content_type: contentType,
});

const inJson = ({ code, text }: LocalReply): object => ({
  json_format: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code, details: { text }, diagnostics: DETAILS }] },
  content_type: JSON_TYPE,
});

/** Without diagnostics where they name what failed further in: that may hold anything, and Envoy escapes nothing for XML. */
const inXml = ({ code, text, isTransient = false }: LocalReply): object => {
  const diagnostics = isTransient ? '' : `<diagnostics value="${DETAILS}"/>`;
  const issue = `<issue><severity value="error"/><code value="${code}"/><details><text value="${text}"/></details>${diagnostics}</issue>`;
  return asText(`<OperationOutcome xmlns="http://hl7.org/fhir">${issue}</OperationOutcome>`, XML_TYPE);
};

const ofGateway = detailsAre('ext_authz_denied');

export const LOCAL_REPLIES: readonly object[] = [
  ...[
    { filter: cel(`${ofGateway} && response.headers['content-type'].startsWith('${XML_TYPE}')`), type: XML_TYPE },
    { filter: cel(ofGateway), type: JSON_TYPE },
  ].map(({ filter, type }) => ({ filter, headers_to_add: headersToAdd(false), body_format_override: asText('%LOCAL_REPLY_BODY%', type) })),
  ...REPLIES.flatMap((reply) => {
    const headers = headersToAdd(reply.isTransient === true);
    return [
      { filter: { and_filter: { filters: [reply.when, WANTS_XML] } }, headers_to_add: headers, body_format_override: inXml(reply) },
      { filter: reply.when, headers_to_add: headers, body_format_override: inJson(reply) },
    ];
  }),
];
