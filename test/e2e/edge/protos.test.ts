/** The gateway that runs, asked by gRPC's own client with the protos of this project (proto/README.md). */
import { fileURLToPath } from 'node:url';
import { Client, credentials, type MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Stack, startStack } from '../../support/stack.ts';

const definition = loadSync(
  ['envoy/service/auth/v3/external_auth.proto', 'envoy/service/ratelimit/v3/rls.proto', 'grpc/health/v1/health.proto'],
  { includeDirs: [fileURLToPath(new URL('../../../proto/', import.meta.url))], keepCase: true, enums: String, longs: Number, oneofs: true },
);

let stack: Stack;
let client: Client;
test.before(async () => {
  stack = await startStack();
  client = new Client(stack.system.state.gateway, credentials.createInsecure());
});
test.after(async () => {
  client.close();
  await stack.stop();
});

type Message = any; // oxlint-disable-line typescript/no-explicit-any -- shapes come from the protos
const methodOf = (service: string, name: string): MethodDefinition<object, Message> =>
  (definition[service] as unknown as Record<string, MethodDefinition<object, Message>>)[name]!;
const ask = (service: string, name: string, message: object): Promise<Message> => {
  const { path, requestSerialize, responseDeserialize } = methodOf(service, name);
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
};
const check = (id: string | undefined, method: string, path: string): Promise<Message> => {
  const source = id === undefined ? {} : { certificate: encodeURIComponent(stack.tls(id).cert.toString()) };
  const http = { method, path, headers: { 'x-request-id': 'r1' } };
  return ask('envoy.service.auth.v3.Authorization', 'Check', { attributes: { source, request: { http } } });
};

test('Check lets a registered client in, with an identity for the server and quota fields for the client', async () => {
  const { ok_response: ok, dynamic_metadata: metadata } = await check('reader-demo', 'GET', '/fhir/Patient/1');
  assert.is(ok.headers[0].header.key, 'x-fhir-identity');
  assert.is(ok.headers[0].append_action, 'OVERWRITE_IF_EXISTS_OR_ADD');
  assert.ok(ok.response_headers_to_add.some(({ header }: Message) => header.key === 'ratelimit'));
  assert.is(metadata.fields.client_id.stringValue, 'reader-demo');
});

test('Check refuses with the status by its name and an OperationOutcome', async () => {
  for (const [id, code, issue] of [
    [undefined, 'Unauthorized', 'login'],
    ['reader-demo', 'Forbidden', 'forbidden'],
  ] as const) {
    const { status, denied_response: denied } = await check(id, 'DELETE', '/fhir/Patient/1');
    assert.equal([status.code, denied.status.code], [7, code]);
    assert.is(JSON.parse(denied.body).issue[0].code, issue);
  }
});

test('ShouldRateLimit counts a descriptor that names the client', async () => {
  const descriptor = {
    entries: [
      { key: 'client', value: 'reader-demo' },
      { key: 'class', value: 'read' },
    ],
    hits_addend: { value: 2 },
  };
  const request = { domain: 'fhir', descriptors: [descriptor] };
  const first = await ask('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit', request);
  const second = await ask('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit', request);
  assert.is(first.overall_code, 'OK');
  assert.is(first.statuses[0].limit_remaining - second.statuses[0].limit_remaining, 2);
});

test('Health answers at once and goes on telling', async () => {
  assert.equal((await ask('grpc.health.v1.Health', 'Check', {})).status, 'SERVING');
  const { path, requestSerialize, responseDeserialize } = methodOf('grpc.health.v1.Health', 'Watch');
  const call = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, {});
  const [first] = await Promise.race([
    new Promise<Message[]>((resolve) => call.once('data', (message) => resolve([message]))),
    new Promise<never>((_, reject) => call.once('error', reject)),
  ]);
  call.on('error', () => undefined);
  call.cancel();
  assert.is(first.status, 'SERVING');
});

test.run();
