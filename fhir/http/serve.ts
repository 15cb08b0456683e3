import { chmodSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { removeStaleSocket } from '../../proto/process/listen.ts';
import { secure } from '../../proto/process/tls.ts';
import type { TlsSettings } from '../../proto/process/tls-settings.ts';

// Envoy keeps a connection to here for 4 s without a request: ours must be the longer patience, or it meets closed connections.
// More than Envoy lets through (96 KiB, max_request_headers_kb), so that whoever asks too much is told so by this server.
const OPTIONS = { keepAliveTimeout: 65_000, requestTimeout: 60_000, headersTimeout: 15_000, maxHeaderSize: 131_072 };

export interface Served {
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Takes no new connection, lets requests in flight be answered for `patienceMs`, then cuts them. */
  readonly close: (patienceMs: number) => Promise<void>;
}

const served = (server: Server): Served => {
  const address = server.address() as AddressInfo | string;
  return {
    port: typeof address === 'string' ? 0 : address.port,
    close: (patienceMs) =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), patienceMs).unref();
      }),
  };
};

const listening = (server: Server, listen: (done: () => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    // Node would answer 417 by itself, in no trail, to an Expect other than 100-continue; it may be ignored (RFC 9110, 10.1.1).
    for (const listener of server.listeners('request')) server.on('checkExpectation', listener as RequestListener);
    server.once('error', reject);
    listen(resolve);
  });

/** With `tls` only whoever shows a certificate that it demands gets a word in. */
export const serveTcp = async (
  { host, port, tls }: { readonly host: string; readonly port: number; readonly tls: TlsSettings | undefined },
  listener: RequestListener,
): Promise<Served> => {
  const server =
    tls === undefined
      ? createServer(OPTIONS, listener)
      : secure(createSecureServer({ ...OPTIONS, ...tls.folder.current(), handshakeTimeout: 5000 }, listener), tls.folder, tls);
  await listening(server, (done) => server.listen({ host, port }, done));
  return served(server);
};

/** Beside an Envoy on the same machine a socket file is cheaper than the loopback: see README.md, figures. */
export const serveSocket = async (path: string, listener: RequestListener): Promise<Served> => {
  const server = createServer(OPTIONS, listener);
  await removeStaleSocket(path);
  await listening(server, (done) => server.listen({ path }, done));
  chmodSync(path, 0o600);
  return served(server);
};
