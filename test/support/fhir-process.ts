/** FHIR servers as processes of their own, without a gateway before them: for what happens between several of them and one database. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startPostgres } from './postgres.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any -- tests look into answers of any shape
}

export interface FhirProcess {
  /** The base. */
  readonly url: string;
  readonly request: (
    path: string,
    options?: { method?: string; body?: object | string; headers?: Record<string, string> },
  ) => Promise<Answer>;
  /** What it has logged. */
  readonly log: readonly string[];
  readonly stop: () => Promise<void>;
  /** By SIGKILL. */
  readonly kill: () => Promise<void>;
}

const MAIN = fileURLToPath(new URL('../../fhir/main.ts', import.meta.url));

export const startFhir = async (databaseUrl: string, environment: Readonly<Record<string, string>> = {}): Promise<FhirProcess> => {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      FHIR_BASE_URL: 'http://localhost/fhir',
      FHIR_PORT: '0',
      IDENTITY: 'none',
      ...environment,
    },
  });
  const log: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the FHIR server ended with ${code}: ${log.join('\n')}`)));
    createInterface(child.stdout).on('line', (line) => {
      log.push(line);
      const { msg, port: ready } = JSON.parse(line) as { msg?: string; port?: number };
      if (msg === 'ready') resolve(ready!);
    });
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.removeAllListeners('exit');
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  const url = `http://127.0.0.1:${port}/fhir`;
  return {
    url,
    log,
    request: async (path, { method, body, headers = {} } = {}) => {
      const response = await fetch(`${url}${path}`, {
        method: method ?? (body === undefined ? 'GET' : 'POST'),
        headers: { ...(body !== undefined && { 'content-type': 'application/fhir+json' }), ...headers },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal: AbortSignal.timeout(60_000),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        json: text.startsWith('{') ? (JSON.parse(text) as unknown) : undefined,
      };
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
};

/** One with a database of its own, which goes when it is stopped. */
export const startFhirAlone = async (): Promise<FhirProcess> => {
  const server = await startPostgres();
  const database = await server.createDatabase();
  const fhir = await startFhir(database.appUrl);
  return {
    ...fhir,
    stop: async () => {
      await fhir.stop();
      await database.drop();
      await server.stop();
    },
  };
};
