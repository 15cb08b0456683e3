import { createServer } from 'node:http';
import type { Registry } from 'prom-client';
import { hostAndPort, socketPath } from './listen.ts';

/** Serves the metrics as text on host:port or unix:/path. */
export const serveMetrics = async (address: string, registry: Pick<Registry, 'metrics' | 'contentType'>): Promise<() => Promise<void>> => {
  const server = createServer((_, response) => {
    registry.metrics().then(
      (text) => response.setHeader('content-type', registry.contentType).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const path = socketPath(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (path === undefined) server.listen(hostAndPort(address), resolve);
    else server.listen(path, resolve);
  });
  return () => new Promise((resolve) => server.close(() => resolve()));
};
