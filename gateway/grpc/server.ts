/**
 * gRPC over Node's http2, without a framework: a Check is the price of every request, and most of what a framework does for it is
 * not needed here. Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { chmodSync } from 'node:fs';
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { hostAndPort, removeStaleSocket, socketPath } from '../../proto/process/listen.ts';
import { secure } from '../../proto/process/tls.ts';
import type { TlsSettings } from '../../proto/process/tls-settings.ts';

export const GRPC_STATUS = {
  ok: 0,
  invalidArgument: 3,
  notFound: 5,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** A refusal with its gRPC status; the message goes to the caller. */
export class GrpcError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'GrpcError';
    this.status = status;
  }
}

/** Answers one message with one. */
export type Unary = (request: Buffer) => Buffer | Promise<Buffer>;
/** Answers one message with any number; returns what to do when the caller leaves. */
export type Streaming = (request: Buffer, send: (message: Buffer) => void) => () => void;

export interface GrpcMethods {
  readonly unary: Readonly<Record<string, Unary>>;
  readonly streaming: Readonly<Record<string, Streaming>>;
}

export interface GrpcServerOptions {
  readonly methods: GrpcMethods;
  readonly onFault: (error: unknown) => void;
  /** What host:port listeners demand of whoever connects; without it they speak plain text. */
  readonly tls?: TlsSettings | undefined;
}

const MAX_MESSAGE = 1 << 20;
const HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const OK = { 'grpc-status': '0' };

const frame = (message: Buffer): Buffer => {
  const out = Buffer.allocUnsafe(5 + message.length);
  out[0] = 0;
  out.writeUInt32BE(message.length, 1);
  message.copy(out, 5);
  return out;
};

/** The one message of a request; throws where there is none, more than one, or a compressed one. */
const unframe = (chunks: readonly Buffer[]): Buffer => {
  const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  if (bytes.length < 5) throw new GrpcError(GRPC_STATUS.invalidArgument, 'the request holds no message');
  if (bytes[0] !== 0) throw new GrpcError(GRPC_STATUS.unimplemented, 'messages are taken uncompressed only');
  if (bytes.readUInt32BE(1) !== bytes.length - 5)
    throw new GrpcError(GRPC_STATUS.invalidArgument, 'the request holds other than one message');
  return bytes.subarray(5);
};

const fail = (stream: ServerHttp2Stream, error: GrpcError): void => {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond(
    { ...HEADERS, 'grpc-status': String(error.status), 'grpc-message': encodeURIComponent(error.message) },
    { endStream: true },
  );
};

export interface GrpcServer {
  /** Listens on `unix:/path` (mode 0600, plain text) or host:port; may be called again for further addresses. */
  readonly listen: (address: string) => Promise<void>;
  /** Lets calls in flight finish, then closes. */
  readonly close: () => Promise<void>;
}

const SETTINGS = { maxConcurrentStreams: 4096, initialWindowSize: 1 << 20, enablePush: false };

export const createGrpcServer = ({ methods, onFault, tls }: GrpcServerOptions): GrpcServer => {
  const sessions = new Set<ServerHttp2Session>();
  const servers: (Http2Server | Http2SecureServer)[] = [];
  const onSession = (session: ServerHttp2Session): void => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  };
  const onStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void => {
    stream.on('error', () => stream.destroy());
    const path = headers[':path'] ?? '';
    const unary = Object.hasOwn(methods.unary, path) ? methods.unary[path] : undefined;
    const streaming = Object.hasOwn(methods.streaming, path) ? methods.streaming[path] : undefined;
    if (unary === undefined && streaming === undefined) {
      fail(stream, new GrpcError(GRPC_STATUS.unimplemented, `there is no method ${path.slice(0, 100)}`));
      return;
    }
    const refuse = (error: unknown): void => {
      if (!(error instanceof GrpcError)) onFault(error);
      fail(stream, error instanceof GrpcError ? error : new GrpcError(GRPC_STATUS.internal, 'the gateway failed'));
    };
    const reply = (message: Buffer): void => {
      if (stream.destroyed) return;
      stream.respond(HEADERS, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers(OK));
      stream.end(frame(message));
    };
    const answer = (chunks: readonly Buffer[]): void => {
      try {
        const message = unframe(chunks);
        if (streaming !== undefined) {
          stream.respond(HEADERS);
          const stop = streaming(message, (each) => void (stream.destroyed || stream.write(frame(each))));
          stream.once('close', stop);
          return;
        }
        const result = unary!(message);
        // A decision that needed nobody else is answered in the same turn.
        if (Buffer.isBuffer(result)) reply(result);
        else result.then(reply, refuse);
      } catch (error) {
        refuse(error);
      }
    };
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_MESSAGE) {
        fail(stream, new GrpcError(GRPC_STATUS.resourceExhausted, `a message has ${MAX_MESSAGE} bytes at most`));
        stream.close();
        return;
      }
      chunks.push(chunk);
    });
    stream.on('end', () => answer(chunks));
  };
  const create = (isSocket: boolean): Http2Server | Http2SecureServer => {
    if (isSocket || tls === undefined) return createServer({ settings: SETTINGS });
    const options = { ...tls.folder.current(), settings: SETTINGS, allowHTTP1: false, handshakeTimeout: 5000 };
    return secure(createSecureServer(options), tls.folder, tls);
  };
  return {
    listen: async (address) => {
      const path = socketPath(address);
      const server = create(path !== undefined);
      servers.push(server);
      server.on('session', onSession);
      server.on('stream', onStream);
      if (path !== undefined) await removeStaleSocket(path);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        if (path === undefined) server.listen(hostAndPort(address), resolve);
        else server.listen(path, resolve);
      });
      if (path !== undefined) chmodSync(path, 0o600);
    },
    close: () =>
      new Promise((resolve) => {
        const closed = servers.map((server) => new Promise<void>((done) => server.close(() => done())));
        void Promise.all(closed).then(() => resolve());
        for (const session of sessions) session.close();
        setTimeout(() => {
          for (const session of sessions) session.destroy();
          resolve();
        }, 2000).unref();
      }),
  };
};
