import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCheckRequest, encodeAllowed, encodeDenied } from '../../../gateway/protobuf/check.ts';
import { decodeRateLimitRequest, encodeRateLimitReply } from '../../../gateway/protobuf/rate-limit.ts';
import { decodeHealthRequest, encodeHealthResponse, NOT_SERVING, SERVICE_UNKNOWN, SERVING } from '../../../proto/process/health.ts';

const proto = fileURLToPath(new URL('../../../proto/', import.meta.url));
const deps = fileURLToPath(new URL('../../../node_modules/@grpc/grpc-js-xds/deps/', import.meta.url));
const files = globSync('**/*.proto', { cwd: proto }).sort();
const options = { keepCase: true, longs: Number, enums: String, oneofs: true };
const cut = loadSync(files, { ...options, includeDirs: [proto] });
// That package has no health.proto.
const official = loadSync(
  files.filter((file) => !file.startsWith('grpc/')),
  { ...options, includeDirs: ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((each) => deps + each) },
);

/** What the official set of that package is too old for, as Envoy 1.40 has it. */
const NEWER = new Map([
  ['envoy.extensions.common.ratelimit.v3.RateLimitDescriptor.hits_addend', '3 LABEL_OPTIONAL TYPE_MESSAGE google.protobuf.UInt64Value'],
]);
/** Source: https://github.com/grpc/grpc-proto/blob/master/grpc/health/v1/health.proto */
const HEALTH = new Map([
  ['grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Check HealthCheckRequest → HealthCheckResponse'],
  ['grpc.health.v1.Health/Watch', '/grpc.health.v1.Health/Watch HealthCheckRequest → stream HealthCheckResponse'],
  ['grpc.health.v1.HealthCheckRequest.service', '1 LABEL_OPTIONAL TYPE_STRING'],
  ['grpc.health.v1.HealthCheckResponse.status', '1 LABEL_OPTIONAL TYPE_ENUM grpc.health.v1.HealthCheckResponse.ServingStatus'],
  ['grpc.health.v1.HealthCheckResponse.ServingStatus#UNKNOWN', '0'],
  ['grpc.health.v1.HealthCheckResponse.ServingStatus#SERVING', '1'],
  ['grpc.health.v1.HealthCheckResponse.ServingStatus#NOT_SERVING', '2'],
  ['grpc.health.v1.HealthCheckResponse.ServingStatus#SERVICE_UNKNOWN', '3'],
]);

interface EnumType {
  readonly name: string;
  readonly value: readonly { readonly name: string; readonly number: number }[];
}
interface MessageType {
  readonly name: string;
  readonly field: readonly {
    readonly name: string;
    readonly number: number;
    readonly label: string;
    readonly type: string;
    readonly typeName: string;
    readonly oneofIndex: number;
  }[];
  readonly nestedType: readonly MessageType[];
  readonly enumType: readonly EnumType[];
  readonly oneofDecl: readonly { readonly name: string }[];
}

/** Everything that two definitions have to agree in, by its name. */
const factsOf = (definition: PackageDefinition): Map<string, string> => {
  const facts = new Map<string, string>();
  const names = new Set<string>();
  const addNames = (name: string, { nestedType = [], enumType = [] }: Partial<MessageType>): void => {
    names.add(name);
    for (const each of [...nestedType, ...enumType]) addNames(`${name}.${each.name}`, each as Partial<MessageType>);
  };
  for (const [name, value] of Object.entries(definition)) if ('format' in value) addNames(name, value.type as Partial<MessageType>);
  /** A type's whole name: it is looked for from the message outwards. */
  const resolve = (typeName: string, scope: string): string => {
    if (names.has(`${scope}.${typeName}`)) return `${scope}.${typeName}`;
    return scope === '' ? typeName : resolve(typeName, scope.slice(0, Math.max(0, scope.lastIndexOf('.'))));
  };
  const addEnum = (name: string, { value }: EnumType): void => {
    for (const each of value) facts.set(`${name}#${each.name}`, String(each.number));
  };
  const addMessage = (name: string, { field, nestedType, enumType, oneofDecl }: MessageType): void => {
    for (const { name: fieldName, number, label, type, typeName, oneofIndex } of field) {
      // Without a oneof the index is 0 too: the names of the fields in it tell.
      const oneof = fieldName.endsWith('_response') ? oneofDecl[oneofIndex]?.name : undefined;
      facts.set(`${name}.${fieldName}`, [number, label, type, typeName && resolve(typeName, name), oneof].filter(Boolean).join(' '));
    }
    for (const each of nestedType) addMessage(`${name}.${each.name}`, each);
    for (const each of enumType) addEnum(`${name}.${each.name}`, each);
  };
  for (const [name, value] of Object.entries(definition)) {
    if (!('format' in value)) {
      for (const [method, { path, requestStream, responseStream, requestType, responseType }] of Object.entries(value)) {
        const [from, to] = [requestType, responseType].map(({ type }) => (type as MessageType).name);
        facts.set(`${name}/${method}`, `${path} ${requestStream ? 'stream ' : ''}${from} → ${responseStream ? 'stream ' : ''}${to}`);
      }
    } else if (value.format === 'Protocol Buffer 3 EnumDescriptorProto') addEnum(name, value.type as EnumType);
    else addMessage(name, value.type as MessageType);
  }
  return facts;
};

const facts = factsOf(cut);

test('every service, message, field and enum value of the cut is as upstream has it', () => {
  const upstream = factsOf(official);
  for (const [name, fact] of [...NEWER, ...HEALTH]) {
    assert.not.ok(upstream.has(name), `the official set has ${name} by now: compare with it`);
    upstream.set(name, fact);
  }
  for (const [name, fact] of facts) assert.is(fact, upstream.get(name), name);
});

test('nothing of the cut is forgotten by the comparison', () => {
  assert.equal(files, [
    'envoy/config/core/v3/base.proto',
    'envoy/extensions/common/ratelimit/v3/ratelimit.proto',
    'envoy/service/auth/v3/attribute_context.proto',
    'envoy/service/auth/v3/external_auth.proto',
    'envoy/service/ratelimit/v3/rls.proto',
    'envoy/type/v3/http_status.proto',
    'google/rpc/status.proto',
    'grpc/health/v1/health.proto',
  ]);
  for (const name of [...NEWER.keys(), ...HEALTH.keys()]) assert.ok(facts.has(name), name);
  assert.is(
    facts.get('envoy.service.auth.v3.CheckResponse.denied_response'),
    '2 LABEL_OPTIONAL TYPE_MESSAGE envoy.service.auth.v3.DeniedHttpResponse http_response',
  );
  assert.is(facts.get('envoy.service.auth.v3.AttributeContext.Peer.certificate'), '5 LABEL_OPTIONAL TYPE_STRING');
});

interface Method {
  readonly requestSerialize: (value: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
}
const methodOf = (service: string, method: string): Method => (cut[service] as unknown as Record<string, Method>)[method]!;
const check = methodOf('envoy.service.auth.v3.Authorization', 'Check');
const rateLimit = methodOf('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit');
const health = methodOf('grpc.health.v1.Health', 'Check');
/** As plain data: messages are instances of classes. */
const plain = (value: object): unknown => JSON.parse(JSON.stringify(value));

test('the codec reads the whole of a CheckRequest of the cut', () => {
  const http = { method: 'PUT', path: '/fhir/Patient/ü', headers: { accept: 'x', 'x-request-id': 'r1' } };
  const bytes = check.requestSerialize({ attributes: { source: { certificate: 'PEM%20' }, request: { http } } });
  assert.equal(decodeCheckRequest(bytes), { certificate: 'PEM%20', method: 'PUT', path: '/fhir/Patient/ü', requestId: 'r1' });
});

const headerOption = (key: string, value: string): object => ({ header: { key, value }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' });

test('the cut reads the whole of an allowing CheckResponse of the codec', () => {
  const written = encodeAllowed({ headers: { a: 'ü', b: '2' }, responseHeaders: { c: '3' }, metadata: { client_id: 'x', cost: 2.5 } });
  assert.equal(plain(check.responseDeserialize(written)), {
    status: {},
    ok_response: { headers: [headerOption('a', 'ü'), headerOption('b', '2')], response_headers_to_add: [headerOption('c', '3')] },
    http_response: 'ok_response',
    dynamic_metadata: {
      fields: { client_id: { stringValue: 'x', kind: 'stringValue' }, cost: { numberValue: 2.5, kind: 'numberValue' } },
    },
  });
});

test('the cut reads the whole of a refusing CheckResponse of the codec, each status by its name', () => {
  for (const [status, code] of [
    [400, 'BadRequest'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [405, 'MethodNotAllowed'],
    [429, 'TooManyRequests'],
    [503, 'ServiceUnavailable'],
  ] as const)
    assert.equal(plain(check.responseDeserialize(encodeDenied({ status, headers: { 'retry-after': '5' }, body: 'ü', metadata: {} }))), {
      status: { code: 7 },
      denied_response: { status: { code }, headers: [headerOption('retry-after', '5')], body: 'ü' },
      http_response: 'denied_response',
      dynamic_metadata: {},
    });
});

test('the codec reads the whole of a RateLimitRequest of the cut', () => {
  const entries = [
    { key: 'client', value: 'a' },
    { key: 'class', value: 'read' },
  ];
  const read = (own: object): unknown[] => {
    const bytes = rateLimit.requestSerialize({ domain: 'fhir', hits_addend: 300, descriptors: [{ entries, ...own }, { entries: [] }] });
    const { domain, descriptors } = decodeRateLimitRequest(bytes);
    return [domain, ...descriptors.map(({ entries: found, hits }) => [hits, ...found])];
  };
  const pairs = entries.map(({ key, value }) => [key, value]);
  assert.equal(read({}), ['fhir', [300, ...pairs], [300]]);
  assert.equal(read({ hits_addend: { value: 70_000 } }), ['fhir', [70_000, ...pairs], [300]]);
});

test('the cut reads the whole of a RateLimitResponse of the codec', () => {
  const written = encodeRateLimitReply({
    isOver: true,
    descriptors: [
      { isOver: true, remaining: 0, resetSeconds: 86_400 },
      { isOver: false, remaining: 0xffff_ffff, resetSeconds: 0 },
    ],
    headers: { 'retry-after': '70', ratelimit: '"q";r=0' },
  });
  assert.equal(plain(rateLimit.responseDeserialize(written)), {
    overall_code: 'OVER_LIMIT',
    statuses: [
      { code: 'OVER_LIMIT', duration_until_reset: { seconds: 86_400 } },
      { code: 'OK', limit_remaining: 0xffff_ffff, duration_until_reset: {} },
    ],
    response_headers_to_add: [
      { key: 'retry-after', value: '70' },
      { key: 'ratelimit', value: '"q";r=0' },
    ],
  });
});

test('health is read and written as the cut says', () => {
  assert.is(
    decodeHealthRequest(health.requestSerialize({ service: 'envoy.service.auth.v3.Authorization' })),
    'envoy.service.auth.v3.Authorization',
  );
  assert.is(decodeHealthRequest(health.requestSerialize({})), '');
  for (const [status, name] of [
    [SERVING, 'SERVING'],
    [NOT_SERVING, 'NOT_SERVING'],
    [SERVICE_UNKNOWN, 'SERVICE_UNKNOWN'],
  ] as const)
    assert.equal(plain(health.responseDeserialize(encodeHealthResponse(status))), { status: name });
});

test.run();
