/** grpc.health.v1.Health. Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
import { chmodSync } from 'node:fs';
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { removeStaleSocket, socketPath } from './listen.ts';

export const SERVING = 1;
export const NOT_SERVING = 2;
export const SERVICE_UNKNOWN = 3;
export type ServingStatus = typeof SERVING | typeof NOT_SERVING | typeof SERVICE_UNKNOWN;

export interface HealthState {
  readonly get: (service: string) => ServingStatus;
  readonly set: (service: string, serving: boolean) => void;
  /** Everything but LIVENESS is NOT_SERVING, for good. */
  readonly shutdown: () => void;
  /** Calls back now and on each change, until the returned function is called. */
  readonly watch: (service: string, listener: (status: ServingStatus) => void) => () => void;
}

/** Serves as long as the process can answer at all, draining or not: who doesn't hear it may kill the process. */
export const LIVENESS = 'liveness';
/** Serves while all services do: the process may be given work. The empty name is the same. */
export const READINESS = 'readiness';

/** The state of some services, and with them of LIVENESS and READINESS. */
export const createHealthState = (services: readonly string[], serving = true): HealthState => {
  const state = new Map<string, boolean>(services.map((service) => [service, serving]));
  const listeners = new Set<() => void>();
  let down = false;
  const get = (service: string): ServingStatus => {
    if (service === LIVENESS) return SERVING;
    const value = service === '' || service === READINESS ? [...state.values()].every(Boolean) : state.get(service);
    if (value === undefined) return SERVICE_UNKNOWN;
    return value && !down ? SERVING : NOT_SERVING;
  };
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    get,
    set: (service, value) => {
      if (state.get(service) === value) return;
      state.set(service, value);
      changed();
    },
    shutdown: () => {
      down = true;
      changed();
    },
    watch: (service, listener) => {
      let last: ServingStatus | undefined;
      const tell = (): void => {
        const now = get(service);
        if (now === last) return;
        last = now;
        listener(now);
      };
      listeners.add(tell);
      tell();
      return () => listeners.delete(tell);
    },
  };
};

/** The one string of a HealthCheckRequest. */
export const decodeHealthRequest = (bytes: Uint8Array): string => {
  // Field 1, length-delimited; a service name of 128 bytes or more is nobody's.
  const length = bytes[1] ?? 0;
  return bytes[0] === 0x0a && length < 128
    ? Buffer.from(bytes.buffer, bytes.byteOffset + 2, Math.min(length, bytes.length - 2)).toString()
    : '';
};

export const encodeHealthResponse = (serving: ServingStatus): Buffer => Buffer.from([0x08, serving]);

interface HealthRequest {
  readonly service: string;
}

const identity = (bytes: Buffer): Buffer => bytes;
const method = (path: string, responseStream: boolean) => ({
  path,
  requestStream: false,
  responseStream,
  requestSerialize: identity,
  // Not the text itself: grpc-js takes an empty one, which is what a kubelet sends by default, for no request at all.
  requestDeserialize: (bytes: Buffer): HealthRequest => ({ service: decodeHealthRequest(bytes) }),
  responseSerialize: encodeHealthResponse,
  responseDeserialize: identity,
});

const HEALTH_SERVICE = {
  check: method('/grpc.health.v1.Health/Check', false),
  watch: method('/grpc.health.v1.Health/Watch', true),
};

export interface HealthServer {
  /** host:port or unix:/path as bound: a port of 0 is resolved. */
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Serves the health of some services on `unix:/path` (mode 0600) or host:port, in plain text: a kubelet speaks no mutual TLS. */
export const serveHealth = async (listen: string, state: Pick<HealthState, 'get' | 'watch'>): Promise<HealthServer> => {
  const server = new Server({ 'grpc.enable_channelz': 0 });
  const check: handleUnaryCall<HealthRequest, ServingStatus> = ({ request }, callback) => {
    const found = state.get(request.service);
    if (found === SERVICE_UNKNOWN) callback({ code: status.NOT_FOUND, details: 'unknown service' });
    else callback(null, found);
  };
  const open = new Set<ServerWritableStream<HealthRequest, ServingStatus>>();
  const watch: handleServerStreamingCall<HealthRequest, ServingStatus> = (call) => {
    open.add(call);
    const stop = state.watch(call.request.service, (now) => call.write(now));
    call.on('cancelled', () => {
      open.delete(call);
      stop();
    });
  };
  server.addService(HEALTH_SERVICE, { check, watch });
  const path = socketPath(listen);
  if (path !== undefined) await removeStaleSocket(path);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(listen, ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  if (path !== undefined) chmodSync(path, 0o600);
  return {
    address: path === undefined ? listen.replace(/:\d+$/, `:${port}`) : listen,
    close: () =>
      new Promise((resolve) => {
        for (const call of open) call.end();
        server.tryShutdown(() => resolve());
        setTimeout(() => {
          server.forceShutdown();
          resolve();
        }, 500).unref();
      }),
  };
};
