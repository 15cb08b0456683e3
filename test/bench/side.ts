/** The servers that are compared: ours, started here or running already, and the others of this machine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Guardian } from '../../local/guardian.ts';
import { freePorts } from '../../local/ports.ts';
import { startProcess, waitUntil } from '../../local/processes.ts';
import { FRUGAL_MALLOC, startSystem, type SystemState } from '../../local/system.ts';
import { PROJECT } from '../../local/toolchain.ts';
import { type BenchArguments, type PeerArguments, requireLoopback } from './arguments.ts';
import type { Mode } from './mode.ts';

export interface Side {
  readonly name: string;
  readonly baseUrl: string;
  readonly tls?: readonly [ca: string, cert: string, key: string] | undefined;
  readonly pids: Readonly<Record<string, number>>;
  readonly databaseUrl?: string | undefined;
  /** Another side whose database this one serves: it is filled once. */
  readonly populationOf?: string;
  /** What it can do, where that isn't everything. */
  readonly modes?: readonly Mode[];
}

const CLIENT = 'ehr-demo';
const PARTS = ['envoy', 'gateway', 'valkey', 'fhir', 'postgres', 'relay'];

const sideOf = (name: string, { baseUrl, pki, pids, databaseUrl }: SystemState): Side => ({
  name,
  baseUrl: requireLoopback(baseUrl).href.replace(/\/$/, ''),
  tls: [join(pki, 'ca.crt'), join(pki, 'clients', `${CLIENT}.crt`), join(pki, 'clients', `${CLIENT}.key`)],
  pids: Object.fromEntries(PARTS.flatMap((part) => (pids[part] === undefined ? [] : [[part, pids[part]]]))),
  databaseUrl,
});

const stateIn = (data: string): SystemState => {
  try {
    return JSON.parse(readFileSync(join(data, 'state.json'), 'utf8')) as SystemState;
  } catch (cause) {
    throw new Error(`no Portcullis runs in ${data}: start one with npm start -- --data ${data}`, { cause });
  }
};

const peerSide = ({ name, where, tls, pids, databaseUrl }: PeerArguments): Side => {
  if (!/^[a-z]+:/i.test(where)) return sideOf(name, stateIn(where));
  return { name, baseUrl: where.replace(/\/+$/, ''), tls, pids, databaseUrl };
};

/** A process beside the system on its database, which answers without a client certificate. */
const startBeside = async ({
  name,
  script,
  state,
  data,
  guardian,
}: {
  name: string;
  script: string;
  state: SystemState;
  data: string;
  guardian: Guardian;
}): Promise<{ side: Side; stop: () => Promise<unknown> }> => {
  const [port] = await freePorts(1);
  const baseUrl = `http://127.0.0.1:${port}/fhir`;
  const running = await startProcess({
    name,
    command: process.execPath,
    args: ['--max-semi-space-size=8', script],
    cwd: PROJECT,
    env: {
      PATH: process.env['PATH'] ?? '',
      TZ: 'UTC',
      ...FRUGAL_MALLOC,
      DATABASE_URL: state.databaseAppUrl,
      FHIR_BASE_URL: baseUrl,
      FHIR_PORT: String(port),
      IDENTITY: 'none',
    },
    log: join(data, `${name}.log`),
    guardian,
  });
  await waitUntil(running, () => running.tail(50).includes('"msg":"ready"'));
  const pids = { [name === 'direct' ? 'fhir' : name]: running.pid, ...(state.pids['postgres'] && { postgres: state.pids['postgres'] }) };
  return { side: { name, baseUrl, pids, populationOf: 'portcullis' }, stop: () => running.stop() };
};

/** All sides, ours first. `data` takes what is started here. */
export const openSides = async (
  options: BenchArguments,
  { data, guardian }: { readonly data: string; readonly guardian: Guardian },
): Promise<{ readonly sides: readonly Side[]; readonly stop: () => Promise<void> }> => {
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const each of stops.reverse()) await each();
  };
  try {
    let state: SystemState;
    if (options.data !== undefined) state = stateIn(options.data);
    else {
      const [port] = await freePorts(1);
      const system = await startSystem({ data, port: port!, guardian });
      stops.push(() => system.stop());
      state = system.state;
    }
    const sides: Side[] = [sideOf('portcullis', state)];
    for (const name of ['direct', 'bare'] as const) {
      if (!options[name]) continue;
      const script = name === 'direct' ? 'fhir/main.ts' : 'test/bench/bare-server.ts';
      const { side, stop: stopSide } = await startBeside({ name, script, state, data, guardian });
      stops.push(stopSide);
      sides.push(name === 'bare' ? { ...side, modes: ['read', 'identifier'] } : side);
    }
    return { sides: [...sides, ...options.peers.map(peerSide)], stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
