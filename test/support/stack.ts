/** The whole system for an end-to-end test: real Envoy, gateway, FHIR server and relay, on a database and folder of its own. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGuardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startSystem, type System } from '../../local/system.ts';
import { startPostgres, type TestDatabase } from './postgres.ts';
import { startValkey, type TestValkey } from './valkey.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** As they came, compressed or not. */
  readonly bytes: Buffer;
  /** The body as JSON; undefined without one. */
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers of any shape
}

export interface RequestOptions {
  readonly method?: string;
  /** A client whose certificate is used; null connects without one. */
  readonly client?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as FHIR JSON, a text or bytes as they are. */
  readonly body?: object | string | Buffer;
  readonly agent?: Agent;
}

export interface Stack {
  readonly system: System;
  /** `path` begins with a slash after the base, or is a whole address. */
  readonly request: (path: string, options?: RequestOptions) => Promise<Answer>;
  /** What a TLS connection of a client needs. */
  readonly tls: (client: string) => { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  readonly valkey: TestValkey;
  readonly data: string;
  readonly settled: TestDatabase['settled'];
  readonly stop: () => Promise<void>;
}

export interface StackOptions {
  /** A Valkey that the test may stop and stall. */
  readonly ownValkey?: boolean;
  readonly environment?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

let databaseNumber = 1 + (process.pid % 14);

export const startStack = async ({ ownValkey = false, environment }: StackOptions = {}): Promise<Stack> => {
  const guardian = createGuardian();
  const [postgres, valkey] = await Promise.all([startPostgres(guardian), startValkey({ own: ownValkey, guardian })]);
  const database = await postgres.createDatabase();
  const data = mkdtempSync(join(tmpdir(), 'stack-'));
  const [port] = await freePorts(1);
  const redisUrl = new URL(valkey.url);
  // Each stack counts in a database of its own.
  redisUrl.pathname = `/${ownValkey ? 0 : (databaseNumber = (databaseNumber % 14) + 1)}`;
  const cleanUp = async (): Promise<void> => {
    await database.drop();
    await Promise.all([valkey.stop(), postgres.stop()]);
    rmSync(data, { recursive: true, force: true });
  };
  let system: System;
  try {
    system = await startSystem({
      data,
      port: port!,
      guardian,
      databaseUrls: { owner: database.ownerUrl, app: database.appUrl, gateway: database.gatewayUrl, relay: database.relayUrl },
      redisUrl: redisUrl.href,
      ...(environment && { environment }),
    });
  } catch (error) {
    await cleanUp();
    throw error;
  }
  const tls: Stack['tls'] = (client) => {
    const { cert, key } = system.authority.clientFiles(client);
    return { ca: readFileSync(system.authority.caFile), cert: readFileSync(cert), key: readFileSync(key) };
  };
  const agents = new Map<string | null, Agent>();
  const agentOf = (client: string | null): Agent => {
    let agent = agents.get(client);
    if (agent === undefined)
      agents.set(
        client,
        (agent = new Agent({ keepAlive: true, ...(client === null ? { ca: readFileSync(system.authority.caFile) } : tls(client)) })),
      );
    return agent;
  };
  const stop = async (): Promise<void> => {
    for (const agent of agents.values()) agent.destroy();
    await system.stop();
    await cleanUp();
  };
  return {
    system,
    tls,
    valkey,
    data,
    settled: database.settled,
    stop,
    request: (path, { method, client = 'ehr-demo', headers = {}, body, agent } = {}) =>
      send(path === '' || path.startsWith('/') ? `${system.state.baseUrl}${path}` : path, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        agent: agent ?? agentOf(client),
        headers: { ...(body !== undefined && { 'content-type': 'application/fhir+json' }), ...headers },
        body: body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      }),
  };
};

export const send = (
  url: string,
  { body, ...options }: { method: string; agent: Agent; headers: Readonly<Record<string, string>>; body: string | Buffer | undefined },
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest(url, options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString();
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          bytes,
          json: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined,
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });

/** Polls until `check` is true; throws after `limitMs`, which is for a test that hangs and not a measure of speed. */
export const eventually = async (what: string, check: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> => {
  const end = performance.now() + limitMs;
  while (!(await check())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
