import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import { hostAndPort, removeStaleSocket, socketPath } from './listen.ts';
import type { ProcessHealth } from './parts.ts';

export interface MetricsOptions {
  readonly registry: Pick<Registry, 'metrics' | 'contentType'>;
  readonly health: () => ProcessHealth;
}

/** Serves /metrics as Prometheus reads it and /health as JSON (503 when unavailable), on host:port or unix:/path. */
export const serveMetrics = async (address: string, { registry, health }: MetricsOptions): Promise<() => Promise<void>> => {
  const server = createServer(({ method, url }, response) => {
    if (method !== 'GET' && method !== 'HEAD') response.writeHead(405, { allow: 'GET, HEAD' }).end();
    else if (url === '/metrics')
      registry.metrics().then(
        (text) => response.setHeader('content-type', registry.contentType).end(text),
        () => response.writeHead(500).end(),
      );
    else if (url === '/health') {
      const state = health();
      response
        .writeHead(state.status === 'unavailable' ? 503 : 200, { 'content-type': 'application/json' })
        .end(`${JSON.stringify(state, null, 2)}\n`);
    } else response.writeHead(404).end('there are /metrics and /health\n');
  });
  const path = socketPath(address);
  if (path !== undefined) await removeStaleSocket(path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(hostAndPort(address), resolve);
    else server.listen(path, resolve);
  });
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
};
