/** The whole system on one machine: what npm start shows and what the tests run against. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { writeRendered } from '../envoy/render.ts';
import { type DatabaseUrls, prepareDatabase, urlsOf } from './database.ts';
import type { Guardian } from './guardian.ts';
import { type Authority, openAuthority } from './pki/authority.ts';
import { freePorts } from './ports.ts';
import { startPostgres } from './postgres.ts';
import { type Exit, type RunningProcess, startProcess, waitUntil } from './processes.ts';
import { openSecrets } from './secrets.ts';
import { envoyBinary, PROJECT } from './toolchain.ts';
import { startValkey } from './valkey.ts';

export const SAMPLE_CLIENTS = ['ehr-demo', 'reader-demo'] as const;

export interface SystemSettings {
  /** Everything that is made lies below this folder. */
  readonly data: string;
  readonly port: number;
  readonly guardian: Guardian;
  /** Owner's address of a database of one's own instead of the embedded one. */
  readonly databaseUrl?: string | undefined;
  /** A prepared database, for tests that share a server. */
  readonly databaseUrls?: DatabaseUrls | undefined;
  readonly redisUrl?: string | undefined;
  /** Extra settings of a part, by its name. */
  readonly environment?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly onProgress?: (text: string) => void;
}

/** state.json */
export interface SystemState {
  readonly baseUrl: string;
  readonly fhirUrl: string;
  /** Address of the gateway's gRPC services. */
  readonly gateway: string;
  /** The owner's; for tests and operators of this machine. */
  readonly databaseUrl: string;
  readonly databaseAppUrl: string;
  readonly redisUrl: string;
  readonly configDir: string;
  readonly pki: string;
  readonly audit: string;
  readonly pids: Readonly<Record<string, number>>;
}

export type PartName = 'postgres' | 'valkey' | 'fhir' | 'gateway' | 'relay' | 'envoy';

export interface System {
  readonly state: SystemState;
  readonly authority: Authority;
  readonly parts: ReadonlyMap<PartName, RunningProcess>;
  /** Resolves when a part ends that nobody has stopped. */
  readonly died: Promise<{ readonly part: RunningProcess; readonly exit: Exit }>;
  /** Starts a part again that has been stopped or killed, with the same settings. */
  restart(name: 'fhir' | 'gateway' | 'relay' | 'envoy'): Promise<void>;
  stop(): Promise<void>;
}

const STOP_ORDER: readonly (readonly PartName[])[] = [['envoy'], ['gateway', 'fhir'], ['relay'], ['valkey', 'postgres']];
const MAX_SOCKET_PATH = 100;

/**
 * Node lets the young generation of its heap grow under load: in the FHIR server to 134 MB, of which 24 were in use, of 298 MB resident in
 * all. With 8 MB and not 16 it takes 20 to 30 MB less, and CPU per request is the same within 3 % either way (reads, searches, Bundles, in turns).
 */
const YOUNG_GENERATION = '--max-semi-space-size=8';

/** What the FHIR server shall do, for whoever starts all of it to say; the other settings of the parts are the system's own. */
export const FHIR_SETTINGS = [
  'VALIDATION',
  'FHIR_PACKAGES',
  'FHIR_CONDITIONAL_DELETE',
  'REFERENTIAL_INTEGRITY',
  'JOB_KEEP_HOURS',
  'SUBSCRIPTION_ENDPOINTS',
  'SUBSCRIPTION_ATTEMPTS',
] as const;

/** The few settings of this process that its parts have too. */
const inherited = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  ...(process.env['NODE_COMPILE_CACHE'] && { NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'] }),
});

/**
 * glibc gives each thread heaps of its own, and keeps in them what bodies and statements have left: 20 MB. And once a large piece is given
 * back it takes all up to that size from its heap, where they leave holes: 40 MB. Neither is faster.
 */
export const FRUGAL_MALLOC = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072' };

const isReady = (part: RunningProcess): boolean => part.tail(400).includes('"msg":"ready"');

export const startSystem = async (settings: SystemSettings): Promise<System> => {
  const { data, port, guardian, environment = {}, onProgress = () => undefined } = settings;
  const folder = (name: string): string => {
    const path = join(data, name);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    return path;
  };
  const [logs, pki, configDir, audit, envoyDir] = ['logs', 'pki', 'config', 'audit', 'envoy'].map(folder) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const bucket = folder('audit/bucket');
  const [exportBucket, importBucket] = [folder('exports'), folder('imports')];
  const secrets = openSecrets(folder('secrets'), join(audit, 'public.key'));
  for (const name of ['clients.yaml', 'quotas.yaml']) {
    if (!existsSync(join(configDir, name))) copyFileSync(join(PROJECT, 'gateway/examples', name), join(configDir, name));
  }
  // A socket's path must be short; a deep data folder gets its sockets elsewhere.
  const run = join(data, 'run').length < MAX_SOCKET_PATH - 20 ? folder('run') : mkdtempSync(join(tmpdir(), 'portcullis-run-'));
  const authority = await openAuthority(pki);
  for (const id of SAMPLE_CLIENTS) if (!existsSync(authority.clientFiles(id).cert)) await authority.issueClient(id);

  const parts = new Map<PartName, RunningProcess>();
  const specs = new Map<PartName, () => Promise<RunningProcess>>();
  let stopping = false;
  let onDeath: (death: { part: RunningProcess; exit: Exit }) => void = () => undefined;
  const died = new Promise<{ part: RunningProcess; exit: Exit }>((resolve) => (onDeath = resolve));
  const expected = new WeakSet<RunningProcess>();
  const keep = (name: PartName, part: RunningProcess): RunningProcess => {
    parts.set(name, part);
    void part.exited.then((exit) => {
      if (!stopping && !expected.has(part)) onDeath({ part, exit });
    });
    return part;
  };

  const [pgPort, valkeyPort, fhirPort] = await freePorts(3);
  const databaseUp = async (): Promise<DatabaseUrls> => {
    if (settings.databaseUrls !== undefined) return settings.databaseUrls;
    if (settings.databaseUrl !== undefined) {
      await prepareDatabase(settings.databaseUrl, secrets.roles).catch((cause: Error & { code?: string }) => {
        throw new Error(`the database of DATABASE_URL can't be used: ${cause.message || cause.code}`, { cause });
      });
      return urlsOf(settings.databaseUrl, secrets.roles);
    }
    onProgress('PostgreSQL');
    const server = await startPostgres({
      dir: join(data, 'postgres'),
      port: pgPort!,
      log: join(logs, 'postgres.log'),
      password: secrets.owner,
      socketDir: run,
      guardian,
    });
    keep('postgres', server.process);
    await prepareDatabase(server.url('portcullis'), secrets.roles, server.url());
    return urlsOf(server.url('portcullis'), secrets.roles, server.socketDir);
  };
  const redisUp = async (): Promise<string> => {
    if (settings.redisUrl !== undefined) return settings.redisUrl;
    onProgress('Valkey');
    const server = await startValkey({
      dir: join(data, 'valkey'),
      port: valkeyPort!,
      log: join(logs, 'valkey.log'),
      password: secrets.redis,
      guardian,
    });
    keep('valkey', server.process);
    return server.url;
  };

  const baseUrl = `https://localhost:${port}/fhir`;
  const gatewayAddress = `unix:${join(run, 'gateway.sock')}`;
  const fhirSocket = join(run, 'fhir.sock');
  const part = (
    name: PartName,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    ready: (part: RunningProcess) => boolean | Promise<boolean>,
  ): void => {
    specs.set(name, async () => {
      onProgress(name);
      const running = await startProcess({
        name,
        command,
        args,
        cwd: PROJECT,
        env: { ...inherited(), TZ: 'UTC', ...env, ...environment[name] },
        log: join(logs, `${name}.log`),
        guardian,
      });
      keep(name, running);
      await waitUntil(running, () => ready(running));
      return running;
    });
  };
  const start = (name: PartName): Promise<RunningProcess> => specs.get(name)!();

  const stop = async (): Promise<void> => {
    stopping = true;
    for (const names of STOP_ORDER) {
      await Promise.all(
        names.map((name) => {
          const running = parts.get(name);
          running?.kill('SIGCONT'); // one that a test has stalled can't hear the rest
          return running?.stop(4000);
        }),
      );
    }
    if (!run.startsWith(data)) rmSync(run, { recursive: true, force: true });
  };

  try {
    const [database, redisUrl] = await Promise.all([databaseUp(), redisUp()]);
    part(
      'fhir',
      process.execPath,
      [YOUNG_GENERATION, 'fhir/main.ts'],
      {
        ...FRUGAL_MALLOC,
        FHIR_HOST: '127.0.0.1',
        FHIR_PORT: String(fhirPort),
        FHIR_SOCKET: fhirSocket,
        FHIR_BASE_URL: baseUrl,
        DATABASE_URL: database.app,
        IDENTITY: 'signed',
        IDENTITY_KEYS_FILE: secrets.identityKeysFile,
        HEALTH_LISTEN: `unix:${join(run, 'fhir-health.sock')}`,
        ...Object.fromEntries(FHIR_SETTINGS.map((name) => [name, process.env[name] ?? ''])),
        EXPORT_BUCKET: exportBucket,
        IMPORT_BUCKET: importBucket,
      },
      isReady,
    );
    part(
      'gateway',
      process.execPath,
      [YOUNG_GENERATION, 'gateway/main.ts'],
      {
        GATEWAY_LISTEN: gatewayAddress,
        GATEWAY_CONFIG_DIR: configDir,
        REDIS_URL: redisUrl,
        DATABASE_URL: database.gateway,
        IDENTITY_KEYS_FILE: secrets.identityKeysFile,
      },
      isReady,
    );
    part(
      'relay',
      process.execPath,
      [YOUNG_GENERATION, 'fhir/audit/main.ts'],
      { DATABASE_URL: database.relay, AUDIT_BUCKET: bucket, AUDIT_SIGNING_KEY: secrets.signingKeyFile },
      isReady,
    );
    const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === '::1'));
    const bootstrap = join(envoyDir, 'envoy.yaml');
    writeRendered(
      {
        nodeId: 'local',
        addresses: hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'],
        port,
        adminSocket: join(run, 'envoy-admin.sock'),
        accessLog: join(logs, 'access.log'),
        sdsDir: join(envoyDir, 'sds'),
        serverCertDir: authority.serverDir,
        clientCaDir: authority.trustDir,
        fhir: { addresses: [`unix:${fhirSocket}`] },
        gateway: { addresses: [gatewayAddress] },
      },
      bootstrap,
    );
    const { cert, key } = authority.clientFiles(SAMPLE_CLIENTS[0]);
    const tls = { ca: readFileSync(authority.caFile), cert: readFileSync(cert), key: readFileSync(key) };
    // One worker: on the two cores that a laptop spares, a second one only takes turns with the parts behind it.
    const envoyArgs = [
      '-c',
      bootstrap,
      '--concurrency',
      '1',
      '--disable-hot-restart',
      '--log-level',
      'warning',
      '--file-flush-interval-msec',
      '200',
    ];
    part('envoy', envoyBinary(), envoyArgs, {}, () => answers(`${baseUrl}/metadata`, tls));
    await Promise.all((['fhir', 'gateway', 'relay', 'envoy'] as const).map(start));

    const state = (): SystemState => ({
      baseUrl,
      fhirUrl: `http://127.0.0.1:${fhirPort}/fhir`,
      gateway: gatewayAddress,
      databaseUrl: database.owner,
      databaseAppUrl: database.app,
      redisUrl,
      configDir,
      pki,
      audit,
      pids: { npm: process.pid, ...Object.fromEntries([...parts].map(([name, { pid }]) => [name, pid])) },
    });
    const saveState = (): void => writeFileSync(join(data, 'state.json'), `${JSON.stringify(state(), null, 2)}\n`, { mode: 0o600 });
    saveState();
    return {
      get state() {
        return state();
      },
      authority,
      parts,
      died,
      restart: async (name) => {
        const running = parts.get(name)!;
        expected.add(running);
        await running.stop(4000);
        await start(name);
        saveState();
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
};

const answers = (url: string, tls: { ca: Buffer; cert: Buffer; key: Buffer }): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(url, { ...tls, agent: false, timeout: 2000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
