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
    const [download, general, ...others] = routes;
    assert.equal(others, []);
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

test('says which placeholder has no value', () => {
  assert.throws(() => render({ ...SETTINGS, fhir: { addresses: ['nowhere'] } }), /neither unix/);
});

test.run();
