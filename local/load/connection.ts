import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Answer } from './answer.ts';
import type { Target } from './target.ts';

/** Kept-alive connections to one server, by mutual TLS. */
export interface Connection {
  post(body: string): Promise<Answer>;
  get(path: string): Promise<Answer>;
  close(): void;
}

const IDLE_TIMEOUT_MS = 120_000;

/** Opens connections lazily, `concurrency` of them at most; a lost one rejects the request with its error code. */
export const connect = ({ base, cert, key, ca }: Target, concurrency: number): Connection => {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency, cert, key, ca });
  const send = (method: string, url: string, body?: string): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = { accept: 'application/fhir+json', ...(body === undefined ? {} : { 'content-type': 'application/fhir+json' }) };
      const call = request(url, { method, agent, headers, timeout: IDLE_TIMEOUT_MS }, (response) => {
        text(response).then(
          (content) => resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body: content }),
          reject,
        );
      });
      call.on('timeout', () => call.destroy(new Error(`no answer within ${IDLE_TIMEOUT_MS / 1000} s`)));
      call.on('error', reject);
      call.end(body);
    });
  return { post: (body) => send('POST', base, body), get: (path) => send('GET', `${base}/${path}`), close: () => agent.destroy() };
};
