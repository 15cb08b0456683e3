import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse } from 'yaml';
import { type EnvoySettings, render } from '../../../envoy/render.ts';

const SETTINGS: EnvoySettings = {
  nodeId: 'n',
  addresses: ['127.0.0.1'],
  port: 8443,
  adminSocket: '/run/admin.sock',
  accessLog: '/dev/stdout',
  sdsDir: '/sds',
  serverCertDir: '/server',
  clientCaDir: '/clients',
  fhir: { addresses: ['fhir:8080'], discovery: 'STRICT_DNS' },
  gateway: { addresses: ['unix:/run/gateway.sock'] },
};

const virtualHost = (settings: EnvoySettings): any =>
  // oxlint-disable-line typescript/no-explicit-any -- YAML of any shape
  parse(render(settings).bootstrap).static_resources.listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0];

for (const ratelimit of [false, true])
  test(`only the files of jobs may take longer than a minute, ${ratelimit ? 'with' : 'without'} the ratelimit filter`, () => {
    const { routes, retry_policy: retry, typed_per_filter_config: perFilter } = virtualHost({ ...SETTINGS, ratelimit });
    const [notAscii, download, general, ...others] = routes;
    assert.equal(others, []);
    assert.equal(notAscii.direct_response, { status: 400 });
    assert.equal(download.route, { cluster: 'fhir', timeout: '0s' });
    assert.equal(general, { match: { path_separated_prefix: '/fhir' }, route: { cluster: 'fhir', timeout: '60s' } });
    // Both routes have what the host has: nothing is tried again that a server has begun, and the quota counts downloads too.
    assert.is(retry.retry_on, 'connect-failure,refused-stream,reset-before-request');
    assert.is(perFilter !== undefined, ratelimit);
    assert.is(download.match.headers[0].string_match.safe_regex.regex, 'GET|HEAD');
    const isDownload = (path: string): boolean => new RegExp(download.match.safe_regex.regex).test(path);
    for (const path of ['/fhir/$export/6e1f/Patient-0001.ndjson', '/fhir/$import/6e1f/errors.ndjson']) assert.ok(isDownload(path), path);
    for (const path of [
      '/fhir/$export',
      '/fhir/$export/6e1f',
      '/fhir/$export/6e1f/a/b',
      '/fhir/$everything/a/b',
      '/fhir/Patient/a/$export',
      '/x/fhir/$export/a/b',
    ])
      assert.not.ok(isDownload(path), path);
  });

test('a folder may be called as its owner likes', () => {
  const dir = `/home/o'brien's "new" \\ folder`;
  const { bootstrap, sds } = render({ ...SETTINGS, adminSocket: `${dir}/admin.sock`, serverCertDir: dir, clientCaDir: dir });
  assert.is(parse(bootstrap).admin.address.pipe.path, `${dir}/admin.sock`);
  const [server, clients] = ['server.yaml', 'clients.yaml'].map((name) => parse(sds[name]!).resources[0]);
  assert.is(server.tls_certificate.private_key.filename, `${dir}/tls.key`);
  assert.is(clients.validation_context.watched_directory.path, dir);
});

test('a request waits for the gateway’s decision as long as it is told to', () => {
  const timeout = (settings: EnvoySettings): string =>
    parse(render(settings).bootstrap).static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters.find(
      ({ name }: { name: string }) => name === 'envoy.filters.http.ext_authz',
    ).typed_config.grpc_service.timeout;
  assert.is(timeout(SETTINGS), '0.25s');
  assert.is(timeout({ ...SETTINGS, decisionTimeoutMs: 1000 }), '1s');
});

const cluster = (settings: EnvoySettings, name: string): any =>
  // oxlint-disable-line typescript/no-explicit-any -- YAML of any shape
  parse(render(settings).bootstrap).static_resources.clusters.find((each: { name: string }) => each.name === name);
const UPSTREAM_TLS = { dir: '/upstream', fhirName: 'fhir.test', gatewayName: 'gateway.test' };

test('each upstream must show the name that is its own, and a certificate of the CA, over TLS 1.3', () => {
  const settings: EnvoySettings = { ...SETTINGS, upstreamTls: UPSTREAM_TLS };
  for (const [name, dnsName, protocol] of [
    ['fhir', 'fhir.test', 'http/1.1'],
    ['gateway', 'gateway.test', 'h2'],
  ] as const) {
    const { sni, common_tls_context: common } = cluster(settings, name).transport_socket.typed_config;
    assert.is(sni, dnsName);
    assert.equal(common.alpn_protocols, [protocol]);
    assert.is(common.tls_params.tls_minimum_protocol_version, 'TLSv1_3');
    const { default_validation_context: names, validation_context_sds_secret_config: ca } = common.combined_validation_context;
    assert.equal(names.match_typed_subject_alt_names, [{ san_type: 'DNS', matcher: { exact: dnsName } }]);
    assert.is(ca.sds_config.path_config_source.path, '/sds/upstream-ca.yaml');
  }
  const { sds } = render(settings);
  assert.is(parse(sds['upstream-ca.yaml']!).resources[0].validation_context.trusted_ca.filename, '/upstream/ca.crt');
  assert.is(parse(sds['upstream-cert.yaml']!).resources[0].tls_certificate.private_key.filename, '/upstream/tls.key');
});

test('without upstream TLS nothing of it is rendered', () => {
  assert.is(cluster(SETTINGS, 'fhir').transport_socket, undefined);
  assert.equal(Object.keys(render(SETTINGS).sds), ['server.yaml', 'clients.yaml']);
});

test('the revocation list is asked for unless it is left out', () => {
  const context = (settings: EnvoySettings): any => parse(render(settings).sds['clients.yaml']!).resources[0].validation_context; // oxlint-disable-line typescript/no-explicit-any
  assert.equal(context(SETTINGS).crl, { filename: '/clients/ca.crl' });
  assert.is(context({ ...SETTINGS, crl: false }).crl, undefined);
  assert.is(context({ ...SETTINGS, crl: false }).trusted_ca.filename, '/clients/ca.crt');
});

test('names are looked up each second, fixed addresses never', () => {
  const { type, cluster_type: byDns } = cluster(SETTINGS, 'fhir');
  assert.equal([type, byDns.typed_config.dns_refresh_rate], [undefined, '1s']);
  const fixed = cluster(SETTINGS, 'gateway');
  assert.equal([fixed.type, fixed.cluster_type], ['STATIC', undefined]);
});

test('what is tried again goes to another server', () => {
  const { retry_policy: retry } = virtualHost(SETTINGS);
  assert.is(retry.retry_host_predicate[0].name, 'envoy.retry_host_predicates.previous_hosts');
  assert.ok(retry.num_retries >= 2 && retry.host_selection_retry_max_attempts >= 2);
});

test('says which placeholder has no value', () => {
  assert.throws(() => render({ ...SETTINGS, fhir: { addresses: ['nowhere'] } }), /neither unix/);
});

test.run();
