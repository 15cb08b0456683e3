import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { envoyProcess } from '../../../envoy/settings.ts';
import { readEnv } from '../../../proto/process/env.ts';

const ENVIRONMENT = {
  SERVER_CERT_DIR: '/server',
  CLIENT_CA_DIR: '/clients',
  FHIR_UPSTREAM: 'fhir.ns.svc.cluster.local.:8080',
  GATEWAY_UPSTREAM: 'gateway.ns.svc.cluster.local.:9000',
};
const settingsOf = (more: Record<string, string> = {}): ReturnType<typeof envoyProcess> =>
  envoyProcess(readEnv({ ...ENVIRONMENT, ...more }));

test('what is left out has the defaults of a container', () => {
  const { settings, bootstrap, binary, files } = settingsOf();
  assert.equal([settings.addresses, settings.port, settings.operations], [['0.0.0.0'], 8443, { address: '0.0.0.0', port: 9902 }]);
  assert.equal([bootstrap, settings.sdsDir, settings.adminSocket], ['/run/envoy/envoy.yaml', '/run/envoy/sds', '/run/envoy/admin.sock']);
  assert.equal([binary, settings.accessLog, settings.ratelimit], ['/usr/local/bin/envoy', '/dev/stdout', false]);
  assert.equal(settings.fhir, { addresses: [ENVIRONMENT.FHIR_UPSTREAM], discovery: 'STRICT_DNS' });
  assert.equal(files, ['/server/tls.crt', '/server/tls.key', '/clients/ca.crt', '/clients/ca.crl']);
  assert.is(settings.upstreamTls, undefined);
});

test('certificates are refused by the revocation list unless it is switched off', () => {
  assert.is(settingsOf().settings.crl, true);
  const { settings, files } = settingsOf({ CLIENT_CRL: 'off' });
  assert.is(settings.crl, false);
  assert.not.ok(files.includes('/clients/ca.crl'));
});

test('mutual TLS to the upstreams asks for the names of both', () => {
  assert.throws(() => settingsOf({ UPSTREAM_TLS_DIR: '/tls' }), /FHIR_TLS_NAME is not set: give/);
  const { settings, files } = settingsOf({ UPSTREAM_TLS_DIR: '/tls', FHIR_TLS_NAME: 'f', GATEWAY_TLS_NAME: 'g' });
  assert.equal(settings.upstreamTls, { dir: '/tls', fhirName: 'f', gatewayName: 'g' });
  assert.ok(files.includes('/tls/ca.crt'));
});

test('limits reach Envoy', () => {
  const { settings, args } = settingsOf({
    MAX_HEAP_BYTES: '500000000',
    MAX_CONNECTIONS: '77',
    ENVOY_CONCURRENCY: '3',
    DRAIN_TIME_SECONDS: '9',
    DECISION_TIMEOUT_MS: '1000',
  });
  assert.equal([settings.maxHeapBytes, settings.maxConnections, settings.decisionTimeoutMs], [500_000_000, 77, 1000]);
  assert.is(settingsOf().settings.decisionTimeoutMs, 250);
  assert.is(args[args.indexOf('--concurrency') + 1], '3');
  assert.is(args[args.indexOf('--drain-time-s') + 1], '9');
  assert.throws(() => settingsOf({ ENVOY_CONCURRENCY: '0' }), /ENVOY_CONCURRENCY=0 is not a whole number from 1/);
});

test.run();
