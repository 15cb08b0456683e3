/** What Envoy's container is told by its environment. */
import { join } from 'node:path';
import type { EnvReader } from '../proto/process/env.ts';
import type { EnvoySettings, Upstream } from './render.ts';

export interface EnvoyProcess {
  readonly settings: EnvoySettings;
  /** Where the bootstrap is written. */
  readonly bootstrap: string;
  readonly binary: string;
  readonly args: readonly string[];
  /** What must be there before Envoy begins: it would listen without a certificate and say nothing. */
  readonly files: readonly string[];
}

const PORTS = { min: 1, max: 65_535 };

export const adminSocketOf = (env: EnvReader): string => join(runDir(env), 'admin.sock');

const runDir = (env: EnvReader): string => env.optional('RUN_DIR') ?? '/run/envoy';

/** Names are looked up again and again: the addresses of a headless Service are its ready pods. Sockets have no names. */
const upstream = (env: EnvReader, name: string, what: string): Upstream => {
  const addresses = env.list(name, `where ${what} listens: host:port, several separated by commas`);
  return { addresses, discovery: addresses.every((address) => address.startsWith('unix:')) ? 'STATIC' : 'STRICT_DNS' };
};

/** Throws with the name of the variable and what to give. */
export const envoyProcess = (env: EnvReader): EnvoyProcess => {
  const run = runDir(env);
  const bootstrap = join(run, 'envoy.yaml');
  const serverCertDir = env.text('SERVER_CERT_DIR', 'the folder with tls.crt and tls.key that clients see');
  const clientCaDir = env.text('CLIENT_CA_DIR', 'the folder with ca.crt, and ca.crl unless CLIENT_CRL=off, that clients are judged by');
  const crl = env.choice('CLIENT_CRL', ['on', 'off']) === 'on';
  const upstreamTlsDir = env.optional('UPSTREAM_TLS_DIR');
  const address = env.optional('ENVOY_ADDRESS') ?? '0.0.0.0';
  const optional = (name: string, min: number): number | undefined =>
    env.optional(name) === undefined ? undefined : env.integer(name, min, { min, max: Number.MAX_SAFE_INTEGER });
  const maxHeapBytes = optional('MAX_HEAP_BYTES', 64 << 20);
  const maxConnections = optional('MAX_CONNECTIONS', 1);
  const decisionTimeoutMs = env.integer('DECISION_TIMEOUT_MS', 250, { min: 50, max: 10_000 });
  const settings: EnvoySettings = {
    nodeId: env.optional('HOSTNAME') ?? 'envoy',
    addresses: [address],
    port: env.integer('ENVOY_PORT', 8443, PORTS),
    adminSocket: adminSocketOf(env),
    accessLog: '/dev/stdout',
    sdsDir: join(run, 'sds'),
    serverCertDir,
    clientCaDir,
    crl,
    fhir: upstream(env, 'FHIR_UPSTREAM', 'the FHIR server'),
    gateway: upstream(env, 'GATEWAY_UPSTREAM', 'the gateway'),
    ...(upstreamTlsDir !== undefined && {
      upstreamTls: {
        dir: upstreamTlsDir,
        fhirName: env.text('FHIR_TLS_NAME', "the DNS name in the FHIR server's certificate"),
        gatewayName: env.text('GATEWAY_TLS_NAME', "the DNS name in the gateway's certificate"),
      },
    }),
    ...(maxHeapBytes !== undefined && { maxHeapBytes }),
    ...(maxConnections !== undefined && { maxConnections }),
    decisionTimeoutMs,
    ratelimit: env.choice('RATELIMIT', ['off', 'on']) === 'on',
    operations: { address, port: env.integer('OPERATIONS_PORT', 9902, PORTS) },
  };
  return {
    settings,
    bootstrap,
    binary: env.optional('ENVOY_BIN') ?? '/usr/local/bin/envoy',
    args: [
      '--disable-hot-restart',
      ...Object.entries({
        '-c': bootstrap,
        '--concurrency': String(env.integer('ENVOY_CONCURRENCY', 1, { min: 1, max: 256 })),
        '--drain-strategy': 'immediate',
        '--drain-time-s': String(env.integer('DRAIN_TIME_SECONDS', 30, { min: 1, max: 86_400 })),
        '--log-level': 'warning',
        '--log-format': '{"level":"%l","time":"%Y-%m-%dT%T.%e%z","name":"envoy","part":"%n","msg":"%j"}',
        '--file-flush-interval-msec': '200',
      }).flat(),
    ],
    files: [
      ...['tls.crt', 'tls.key'].map((name) => join(serverCertDir, name)),
      ...['ca.crt', ...(crl ? ['ca.crl'] : [])].map((name) => join(clientCaDir, name)),
      ...(upstreamTlsDir === undefined ? [] : ['tls.crt', 'tls.key', 'ca.crt'].map((name) => join(upstreamTlsDir, name))),
    ],
  };
};
