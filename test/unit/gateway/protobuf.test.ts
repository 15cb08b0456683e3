import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { acceptOf, decodeCheckRequest, encodeAllowed, encodeDenied } from '../../../gateway/protobuf/check.ts';
import { decodeRateLimitRequest, encodeRateLimitReply } from '../../../gateway/protobuf/rate-limit.ts';

// The official protos, whole, as another project ships them: what they encode is what Envoy sends.
const deps = fileURLToPath(new URL('../../../node_modules/@grpc/grpc-js-xds/deps/', import.meta.url));
const definition = loadSync(['envoy/service/auth/v3/external_auth.proto', 'envoy/service/ratelimit/v3/rls.proto'], {
  includeDirs: ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'].map((each) => deps + each),
  keepCase: true,
  enums: Number,
  oneofs: true,
});
loadPackageDefinition(definition);
interface Method {
  readonly requestSerialize: (value: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Record<string, any>; // oxlint-disable-line typescript/no-explicit-any -- shapes come from the protos
}
const methodOf = (service: string, method: string): Method => (definition[service] as unknown as Record<string, Method>)[method]!;
const check = methodOf('envoy.service.auth.v3.Authorization', 'Check');
const rateLimit = methodOf('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit');

test('reads from a CheckRequest what is decided by, among everything else that Envoy sends', () => {
  const bytes = check.requestSerialize({
    attributes: {
      source: {
        address: { socket_address: { address: '10.0.0.1', port_value: 1234 } },
        principal: 'spiffe://x',
        certificate: '-----BEGIN%20',
      },
      destination: { principal: 'y' },
      request: {
        time: { seconds: 5, nanos: 7 },
        http: {
          id: '1',
          method: 'GET',
          path: '/fhir/Patient/1?x=ü',
          host: 'h',
          size: -1,
          headers: { 'x-request-id': 'r1', accept: 'a' },
          protocol: 'HTTP/2',
        },
      },
      context_extensions: { a: 'b' },
    },
  });
  assert.equal(decodeCheckRequest(bytes), { certificate: '-----BEGIN%20', method: 'GET', path: '/fhir/Patient/1?x=ü', requestId: 'r1' });
  assert.is(acceptOf(bytes), 'a');
});

test('writes an allowing CheckResponse that Envoy reads', () => {
  const response = check.responseDeserialize(
    encodeAllowed({
      headers: { 'x-fhir-identity': 'v1' },
      responseHeaders: { ratelimit: '"q";r=1' },
      metadata: { client_id: 'ü', cost: 3.5 },
    }),
  );
  assert.is(response['status'].code ?? 0, 0); // a default isn't sent
  assert.equal(response['ok_response'].headers[0].header.key, 'x-fhir-identity');
  assert.is(response['ok_response'].headers[0].append_action, 2);
  assert.is(response['ok_response'].response_headers_to_add[0].header.value, '"q";r=1');
  assert.is(response['dynamic_metadata'].fields.client_id.stringValue ?? response['dynamic_metadata'].fields.client_id.string_value, 'ü');
  assert.is(response['dynamic_metadata'].fields.cost.numberValue ?? response['dynamic_metadata'].fields.cost.number_value, 3.5);
});

test('writes a refusing CheckResponse that Envoy reads, however long its body', () => {
  const body = 'ü'.repeat(5000);
  const response = check.responseDeserialize(encodeDenied({ status: 429, headers: { 'retry-after': '5' }, body, metadata: {} }));
  assert.is(response['denied_response'].status.code, 429);
  assert.is(response['denied_response'].body, body);
  assert.is(response['denied_response'].headers[0].header.value, '5');
  assert.is(response['status'].code, 7);
});

test('reads a RateLimitRequest and writes its response', () => {
  const bytes = rateLimit.requestSerialize({
    domain: 'fhir',
    hits_addend: 300,
    descriptors: [
      {
        entries: [
          { key: 'client', value: 'a' },
          { key: 'class', value: 'read' },
        ],
        limit: { requests_per_unit: 5, unit: 1 },
      },
    ],
  });
  const request = decodeRateLimitRequest(bytes);
  assert.equal(
    [request.domain, request.descriptors[0]!.hits, [...request.descriptors[0]!.entries]],
    [
      'fhir',
      300,
      [
        ['client', 'a'],
        ['class', 'read'],
      ],
    ],
  );
  const response = rateLimit.responseDeserialize(
    encodeRateLimitReply({
      isOver: true,
      descriptors: [{ isOver: true, remaining: 0, resetSeconds: 70 }],
      headers: { 'retry-after': '70' },
    }),
  );
  assert.is(response['overall_code'], 2);
  assert.is(Number(response['statuses'][0].duration_until_reset.seconds), 70);
  assert.is(response['response_headers_to_add'][0].key, 'retry-after');
});

test('refuses bytes that are no message', () => {
  assert.throws(() => decodeCheckRequest(Buffer.from([0x0a, 0x7f, 0x01])), /longer than its message/);
  assert.throws(() => decodeCheckRequest(Buffer.alloc(20, 0xff)), /too long/);
});

test.run();
