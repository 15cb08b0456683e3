/** One server, many requests: HTTP/2 over one connection, or HTTP/1.1 over one for each caller. */
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { gunzipSync } from 'node:zlib';

export interface TransportOptions {
  readonly baseUrl: string;
  /** Paths of PEM files. */
  readonly tls?: readonly [ca: string, cert: string, key: string] | undefined;
  readonly http: 1 | 2;
  readonly gzip: boolean;
  readonly callers: number;
}

export interface Answer {
  readonly status: number;
  /** As it came; {@link textOf} tells what it says. */
  readonly body: Buffer;
  readonly isCompressed: boolean;
}

export interface Transport {
  /** Rejects when no answer comes within two minutes. */
  readonly send: (method: string, path: string, body?: string) => Promise<Answer>;
  readonly close: () => void;
}

const TIMEOUT_MS = 120_000;

export const textOf = ({ body, isCompressed }: Answer): string => (isCompressed ? gunzipSync(body) : body).toString();

const headersOf = (gzip: boolean, body: string | undefined): Record<string, string | number> => ({
  accept: 'application/fhir+json',
  'cache-control': 'no-cache', // some servers answer searches of the last minute from a cache
  ...(gzip && { 'accept-encoding': 'gzip' }),
  ...(body !== undefined && { 'content-type': 'application/fhir+json', 'content-length': Buffer.byteLength(body) }),
});

export const openTransport = (options: TransportOptions): Transport => {
  const [ca, cert, key] = (options.tls ?? []).map((path) => readFileSync(path));
  const tls = ca === undefined ? {} : { ca, cert: cert!, key: key! };
  const isHttps = options.baseUrl.startsWith('https:');
  return isHttps && options.http === 2 ? overHttp2(options, tls) : overHttp1(options, tls, isHttps);
};

type Tls = { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };

const overHttp2 = ({ baseUrl, gzip }: TransportOptions, tls: Tls): Transport => {
  const { origin, pathname } = new URL(baseUrl);
  let session: ClientHttp2Session | undefined;
  /** A new one after the server has closed the last, as it does with one that is idle while another server is filled. */
  const opened = (): ClientHttp2Session => {
    if (session === undefined || session.closed || session.destroyed) {
      // A Bundle of 50 MB that is being sent counts as memory of the session, whose 10 MB let no further request begin.
      session = connectHttp2(origin, { ...tls, maxSessionMemory: 256 });
      session.on('error', () => undefined); // each request under way is told of it
    }
    return session;
  };
  return {
    send: (method, path, body) =>
      new Promise((resolve, reject) => {
        const stream = opened().request({ ':method': method, ':path': pathname + path, ...headersOf(gzip, body) });
        const chunks: Buffer[] = [];
        let status = 0;
        let isCompressed = false;
        stream.on('response', (headers) => {
          status = headers[':status'] ?? 0;
          isCompressed = headers['content-encoding'] === 'gzip';
        });
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', () => resolve({ status, body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), isCompressed }));
        stream.on('error', reject);
        stream.setTimeout(TIMEOUT_MS, () => stream.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
        stream.end(body);
      }),
    close: () => session?.destroy(),
  };
};

const overHttp1 = ({ baseUrl, gzip, callers }: TransportOptions, tls: Tls, isHttps: boolean): Transport => {
  const settings = { keepAlive: true, maxSockets: callers, timeout: TIMEOUT_MS };
  const agent = isHttps ? new HttpsAgent({ ...settings, ...tls }) : new HttpAgent(settings);
  const open = (isHttps ? httpsRequest : httpRequest) as (
    url: string,
    options: object,
    onResponse: (response: IncomingMessage) => void,
  ) => ClientRequest;
  return {
    send: (method, path, body) =>
      new Promise((resolve, reject) => {
        const request = open(baseUrl + path, { method, agent, headers: headersOf(gzip, body) }, (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const all = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
            resolve({ status: response.statusCode ?? 0, body: all, isCompressed: response.headers['content-encoding'] === 'gzip' });
          });
        });
        request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
        request.on('error', reject);
        request.end(body);
      }),
    close: () => agent.destroy(),
  };
};
