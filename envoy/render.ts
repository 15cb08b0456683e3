/** Fills in the templates of this folder. Everything that differs between one machine and a cluster is a field here. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LOCAL_REPLIES } from './local-replies.ts';

export interface Upstream {
  /** Unix socket paths (`unix:/path`) or `host:port`. */
  readonly addresses: readonly string[];
  /** STRICT_DNS looks host names up again and again. */
  readonly discovery?: 'STATIC' | 'STRICT_DNS';
}

export interface UpstreamTls {
  /** tls.crt, tls.key, ca.crt. */
  readonly dir: string;
  /** The DNS name that the server's certificate must have. */
  readonly fhirName: string;
  readonly gatewayName: string;
}

export interface EnvoySettings {
  readonly nodeId: string;
  /** IP addresses to listen on, the same port on each. */
  readonly addresses: readonly [string, ...string[]];
  readonly port: number;
  readonly adminSocket: string;
  /** File, or /dev/stdout. */
  readonly accessLog: string;
  /** Where the two files of sds/ are written, rendered. */
  readonly sdsDir: string;
  /** tls.crt, tls.key. */
  readonly serverCertDir: string;
  /** ca.crt, and ca.crl unless `crl` is false. */
  readonly clientCaDir: string;
  /** Refuse certificates on the revocation list, which must then be there. On unless it is false. */
  readonly crl?: boolean;
  readonly fhir: Upstream;
  readonly gateway: Upstream;
  /** Mutual TLS to both upstreams; without it plain text, for sockets and the loopback. */
  readonly upstreamTls?: UpstreamTls;
  readonly maxHeapBytes?: number;
  readonly maxConnections?: number;
  /** How long a request waits for the gateway's decision, all tries together, before it is refused with 503. 250 without it. */
  readonly decisionTimeoutMs?: number;
  /** Ask the quota with Envoy's own ratelimit filter too; without it the one Check decides about quota as well. */
  readonly ratelimit?: boolean;
  /** Plain HTTP with /ready, /live and /stats/prometheus. */
  readonly operations?: { readonly address: string; readonly port: number };
}

interface Address {
  readonly address:
    | { readonly pipe: { readonly path: string } }
    | { readonly socket_address: { readonly address: string; readonly port_value: number } };
}

const socketAddress = (address: string, port: number): Address => ({ address: { socket_address: { address, port_value: port } } });

const endpoint = (text: string): { endpoint: Address } => {
  if (text.startsWith('unix:')) return { endpoint: { address: { pipe: { path: text.slice('unix:'.length) } } } };
  const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text) ?? [];
  if (host === undefined || port === undefined) throw new Error(`"${text}" is neither unix:/path nor host:port`);
  return { endpoint: socketAddress(host, Number(port)) };
};

/** Fills `${NAME}` and drops the blocks not in `blocks`; throws on a placeholder without a value. */
export const fillIn = (template: string, values: Readonly<Record<string, unknown>>, blocks: readonly string[] = []): string =>
  template
    .replaceAll(/^ *# begin (\w+)\n([\s\S]*?)^ *# end \1\n/gm, (_, name: string, body: string) => (blocks.includes(name) ? body : ''))
    .replaceAll(/^(?! *#).*$/gm, (line) =>
      line.replaceAll(/\$\{(\w+)(:json)?\}/g, (_, name: string, json?: string) => {
        const value = values[name];
        if (value === undefined) throw new Error(`the template asks for \${${name}}, which has no value`);
        if (json !== undefined) return JSON.stringify(value);
        return JSON.stringify(String(value)).slice(1, -1);
      }),
    );

const template = (name: string): string => readFileSync(join(import.meta.dirname, name), 'utf8');

export interface Rendered {
  readonly bootstrap: string;
  /** By the name of the file. */
  readonly sds: Readonly<Record<string, string>>;
}

export const render = (settings: EnvoySettings): Rendered => {
  const { addresses, port, operations, fhir, gateway, upstreamTls, crl = true } = settings;
  const values = {
    NODE_ID: settings.nodeId,
    ADMIN_SOCKET: settings.adminSocket,
    ACCESS_LOG: settings.accessLog,
    MAX_HEAP_BYTES: settings.maxHeapBytes ?? 1 << 30,
    MAX_CONNECTIONS: settings.maxConnections ?? 10_000,
    DECISION_TIMEOUT_SECONDS: (settings.decisionTimeoutMs ?? 250) / 1000,
    LISTEN_ADDRESS: addresses[0],
    LISTEN_PORT: port,
    MORE_ADDRESSES: addresses.slice(1).map((address) => socketAddress(address, port)),
    LOCAL_REPLIES,
    SDS_DIR: settings.sdsDir,
    SERVER_CERT_DIR: settings.serverCertDir,
    CLIENT_CA_DIR: settings.clientCaDir,
    FHIR_ENDPOINTS: fhir.addresses.map(endpoint),
    GATEWAY_ENDPOINTS: gateway.addresses.map(endpoint),
    OPERATIONS_ADDRESS: operations?.address,
    OPERATIONS_PORT: operations?.port,
    UPSTREAM_TLS_DIR: upstreamTls?.dir,
    FHIR_TLS_NAME: upstreamTls?.fhirName,
    GATEWAY_TLS_NAME: upstreamTls?.gatewayName,
  };
  const [isFhirByDns, isGatewayByDns] = [fhir, gateway].map(({ discovery }) => discovery === 'STRICT_DNS') as [boolean, boolean];
  const asked = {
    ratelimit: settings.ratelimit === true,
    operations: operations !== undefined,
    upstreamTls: upstreamTls !== undefined,
    crl,
    fhirByDns: isFhirByDns,
    fhirFixed: !isFhirByDns,
    gatewayByDns: isGatewayByDns,
    gatewayFixed: !isGatewayByDns,
  };
  const blocks = Object.entries(asked).flatMap(([name, isAsked]) => (isAsked ? [name] : []));
  const fill = (name: string): string => fillIn(template(name), values, blocks);
  const files = ['server.yaml', 'clients.yaml', ...(upstreamTls ? ['upstream-cert.yaml', 'upstream-ca.yaml'] : [])];
  return { bootstrap: fill('bootstrap.yaml'), sds: Object.fromEntries(files.map((name) => [name, fill(`sds/${name}`)])) };
};

/** Writes the rendered files: the bootstrap to `path`, the SDS files into `sdsDir`. */
export const writeRendered = (settings: EnvoySettings, path: string): void => {
  const { bootstrap, sds } = render(settings);
  mkdirSync(settings.sdsDir, { recursive: true, mode: 0o700 });
  for (const [name, text] of Object.entries(sds)) writeFileSync(join(settings.sdsDir, name), text);
  writeFileSync(path, bootstrap);
};
