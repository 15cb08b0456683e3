/** A real HTTP server that takes notifications, and that a test can switch off. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly received: Received[];
  /** What it answers; at first 200. */
  status: number;
  /** How long it takes to answer; at first 0. */
  delayMs: number;
  readonly up: () => Promise<void>;
  readonly down: () => Promise<void>;
}

export const createReceiver = async (port: number): Promise<Receiver> => {
  let server: Server | undefined;
  const receiver: Receiver = {
    received: [],
    status: 200,
    delayMs: 0,
    up: () =>
      new Promise((resolve) => {
        server = createServer((request, response) => {
          void text(request).then((body) => {
            receiver.received.push({ method: request.method!, url: request.url!, headers: request.headers, body });
            const answer = (): void => {
              const isElsewhere = receiver.status >= 300 && receiver.status < 400;
              response.writeHead(receiver.status, isElsewhere ? { location: '/elsewhere' } : {}).end();
            };
            if (receiver.delayMs === 0) answer();
            else setTimeout(answer, receiver.delayMs);
          });
        }).listen(port, '127.0.0.1', () => resolve());
      }),
    down: () =>
      new Promise((resolve) => {
        if (server === undefined) resolve();
        else server.close(() => resolve());
        server?.closeAllConnections();
        server = undefined;
      }),
  };
  await receiver.up();
  return receiver;
};
