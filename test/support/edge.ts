/** Further Envoys before the parts of a stack, started as a container starts them; and clients that never let go of a connection. */
import { Agent, request as httpsRequest } from 'node:https';
import { connect, type ClientHttp2Session } from 'node:http2';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGuardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { type RunningProcess, startProcess, waitUntil } from '../../local/processes.ts';
import { envoyBinary, PROJECT } from '../../local/toolchain.ts';
import type { Stack } from './stack.ts';

export interface Edge {
  readonly port: number;
  readonly operations: string;
  readonly drain: string;
  readonly envoy: RunningProcess;
  readonly sidecar: RunningProcess;
  readonly stop: () => Promise<void>;
}

/** Envoy and its sidecar; resolves when Envoy says that it is ready. */
export const startEdge = async (stack: Stack, name: string, environment: Readonly<Record<string, string>> = {}): Promise<Edge> => {
  const [port, operations, drain] = (await freePorts(3)) as [number, number, number];
  const { authority, state } = stack.system;
  const env = {
    PATH: process.env['PATH'] ?? '',
    ENVOY_BIN: envoyBinary(),
    RUN_DIR: join(stack.data, name),
    ENVOY_ADDRESS: '127.0.0.1',
    ENVOY_PORT: String(port),
    OPERATIONS_PORT: String(operations),
    DRAIN_LISTEN: `127.0.0.1:${drain}`,
    SERVER_CERT_DIR: authority.serverDir,
    CLIENT_CA_DIR: authority.trustDir,
    FHIR_UPSTREAM: new URL(state.fhirUrl).host,
    GATEWAY_UPSTREAM: state.gateway,
    ...environment,
  };
  const start = (part: string): Promise<RunningProcess> =>
    startProcess({
      name: `${name} ${part}`,
      command: process.execPath,
      args: [`envoy/${part}.ts`],
      cwd: PROJECT,
      env,
      log: join(stack.data, 'logs', `${name}-${part}.log`),
      guardian: createGuardian(),
    });
  const [envoy, sidecar] = await Promise.all([start('main'), start('drain')]);
  const answers = (url: string): Promise<boolean> =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
  await waitUntil(envoy, () => answers(`http://127.0.0.1:${operations}/ready`));
  await waitUntil(sidecar, () => answers(`http://127.0.0.1:${drain}/health`));
  return {
    port,
    envoy,
    sidecar,
    operations: `http://127.0.0.1:${operations}`,
    drain: `http://127.0.0.1:${drain}`,
    stop: async () => void (await Promise.all([envoy.stop(), sidecar.stop()])),
  };
};

export interface Load {
  /** Answers by status. */
  readonly answered: () => ReadonlyMap<number, number>;
  /** Requests that got no answer: nothing of these is allowed. */
  readonly failures: readonly string[];
  /** Answers that ended their connection (HTTP/1), or sessions that were told to go away (HTTP/2). */
  readonly ended: () => number;
  readonly stop: () => Promise<void>;
}

export interface LoadOptions {
  readonly stack: Stack;
  readonly port: () => number;
  readonly clients: number;
  readonly pauseMs?: number;
}

const PATH = '/fhir/Basic/asked-for';

/** Puts what the loads ask for: small, so that they measure patience and not the machine. */
export const prepareLoad = async ({ request }: Stack): Promise<void> => {
  const body = { resourceType: 'Basic', id: 'asked-for', code: { text: 'asked for' } };
  const { status } = await request('/Basic/asked-for', { method: 'PUT', body });
  if (status !== 201) throw new Error(`the resource could not be put: ${status}`);
};

/** Callers that each ask again and again over a connection that they keep. */
const underWay = ({ clients, pauseMs = 15 }: LoadOptions, ask: (caller: number) => Promise<number>, ended: () => number): Load => {
  const statuses = new Map<number, number>();
  const failures: string[] = [];
  const stopping = new AbortController();
  const callers = Array.from({ length: clients }, async (_, caller) => {
    while (!stopping.signal.aborted) {
      try {
        const status = await ask(caller);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      } catch (error) {
        failures.push(String((error as Error).message));
      }
      await sleep(pauseMs);
    }
  });
  return {
    answered: () => statuses,
    failures,
    ended,
    stop: async () => {
      stopping.abort();
      await Promise.all(callers);
    },
  };
};

export const http1Load = (options: LoadOptions): Load => {
  const { stack, port, clients } = options;
  const agents = Array.from({ length: clients }, () => new Agent({ keepAlive: true, maxSockets: 1, ...stack.tls('ehr-demo') }));
  let ended = 0;
  const ask = (caller: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const request = httpsRequest(
        { host: '127.0.0.1', servername: 'localhost', port: port(), path: PATH, agent: agents[caller] },
        (response) => {
          if (response.headers.connection === 'close') ended++;
          response.on('error', reject);
          response.on('end', () => resolve(response.statusCode!));
          response.resume();
        },
      );
      request.on('error', reject);
      request.end();
    });
  const load = underWay(options, ask, () => ended);
  return { ...load, stop: () => load.stop().finally(() => agents.forEach((agent) => agent.destroy())) };
};

export const http2Load = (options: LoadOptions): Load => {
  const { stack, port } = options;
  const sessions = new Map<number, ClientHttp2Session>();
  let ended = 0;
  const sessionOf = (caller: number): ClientHttp2Session => {
    const open = sessions.get(caller);
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const session = connect(`https://127.0.0.1:${port()}`, { servername: 'localhost', ...stack.tls('ehr-demo') });
    sessions.set(caller, session);
    session.on('error', () => sessions.delete(caller));
    session.on('goaway', () => {
      ended++;
      sessions.delete(caller);
    });
    return session;
  };
  const ask = (caller: number): Promise<number> =>
    new Promise((resolve, reject) => {
      const stream = sessionOf(caller).request({ ':path': PATH, ':authority': 'localhost' });
      let status = 0;
      stream.on('response', (headers) => (status = headers[':status']!));
      stream.on('error', reject);
      stream.on('close', () => (status === 0 ? reject(new Error('no answer')) : resolve(status)));
      stream.resume();
      stream.end();
    });
  const load = underWay(options, ask, () => ended);
  return {
    ...load,
    stop: () =>
      load.stop().finally(() => {
        for (const session of sessions.values()) session.close();
      }),
  };
};
