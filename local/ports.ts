import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';

/** True when nothing listens on this port of `host`. */
export const isFree = async (port: number, host = '127.0.0.1'): Promise<boolean> => {
  const server = createServer();
  try {
    server.listen({ port, host, exclusive: true });
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
};

/** Below those that systems give to outgoing connections (Linux from 32768, macOS from 49152): one of these would be taken again before it is listened on. */
const [FIRST, END] = [20_000, 32_000];

const listenSomewhere = async (): Promise<Server> => {
  for (;;) {
    const server = createServer().listen({ port: randomInt(FIRST, END), host: '127.0.0.1', exclusive: true });
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
};

/** `count` different ports of 127.0.0.1 that nothing listens on; they were all open at once, so none repeats. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers: Server[] = [];
  try {
    while (servers.length < count) servers.push(await listenSomewhere());
    return servers.map((server) => (server.address() as AddressInfo).port);
  } finally {
    for (const server of servers) server.close();
  }
};
