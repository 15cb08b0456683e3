import { isIP } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../../local/toolchain.ts';
import { MODES, type Mode } from './mode.ts';

/** A server to compare with. */
export interface PeerArguments {
  readonly name: string;
  /** A FHIR base URL, or the data folder of another Portcullis that is running. */
  readonly where: string;
  readonly pids: Readonly<Record<string, number>>;
  readonly databaseUrl?: string | undefined;
  /** Paths of the server's CA, the client certificate and its key. */
  readonly tls?: readonly [ca: string, cert: string, key: string] | undefined;
}

/** What the command line of `npm run bench` asks for; times in seconds. */
export interface BenchArguments {
  readonly patients: readonly number[];
  readonly peers: readonly PeerArguments[];
  readonly data?: string | undefined;
  readonly direct: boolean;
  readonly bare: boolean;
  readonly modes: readonly Mode[];
  readonly duration: number;
  readonly warmup: number;
  readonly rounds: number;
  readonly callers: number;
  readonly threads: number;
  readonly bundles: number;
  /** Files of the Bundles that are measured, and of those that are posted once before. */
  readonly bundleFiles: readonly string[];
  readonly bundleSetup: readonly string[];
  readonly seed: number;
  readonly http: 1 | 2;
  readonly gzip: boolean;
  readonly out?: string | undefined;
  readonly cpu: boolean;
}

export const USAGE = `npm run bench -- [OPTIONS]

Starts Portcullis in a folder of its own, fills it with made-up patients and measures it, side by side with other servers of this machine.

  --patients N,N        sizes of the population, measured one after the other (default 1000,20000; 10 to 64000)
  --modes A,B           of ${MODES.join(', ')} (default: all)
  --duration S          seconds of each measurement (default 10); --warmup S before it (default 3); --rounds N of them all (default 3)
  --callers N           requests under way at once (default 8); --threads N that make them (default 1)
  --bundles N           Synthea Bundles posted in each round (default 16)
  --bundle-files F,F    those Bundles, .json or .json.gz (default test/data/synthea/patient.json)
  --bundle-setup F,F    posted once before them (default test/data/synthea/hospitals.json)
  --http 1|2            version of HTTP where there is TLS (default 2); --no-gzip: don't ask for compressed answers
  --seed N              of the population (default 1)
  --out DIR             results.jsonl, report.md, chart.svg (default .portcullis/bench/TIME); a population that DIR knows is used again

  --data DIR            measure the Portcullis that runs in this data folder instead of starting one
  --direct              also its FHIR port alone: no Envoy, no gateway, nobody's identity checked
  --bare                also a handler with nothing but the SQL of a read and of a search by identifier
  --peers NAME=WHERE    also another server: its FHIR base URL on this machine, or the data folder of another Portcullis (repeatable)
  --peer-pids NAME=PART:PID,PART:PID   its processes, each with all below it, for CPU and memory (repeatable)
  --peer-database NAME=URL             its PostgreSQL database, for disk (repeatable)
  --peer-tls NAME=CA,CERT,KEY          PEM files (repeatable)

  --cpu                 only this: CPU time of parse, validate and extract in this process, without any server
`;

const bounded = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text);
  if (!Number.isFinite(value) || value < min || value > max) throw new Error(`--${name} takes a number from ${min} to ${max}, not ${text}`);
  return value;
};

const whole = (name: string, text: string, min: number, max: number): number => {
  const value = bounded(name, text, min, max);
  if (!Number.isInteger(value)) throw new Error(`--${name} takes whole numbers, not ${text}`);
  return value;
};

/** Throws unless the address is this machine's own: a load generator has no business with anybody else's server. */
export const requireLoopback = (address: string): URL => {
  if (!URL.canParse(address)) throw new Error(`${address} is no URL`);
  const url = new URL(address);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const isLoopback = host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  if (!isLoopback) throw new Error(`${address} is not on this machine: the bench only loads 127.0.0.1, ::1 and localhost`);
  return url;
};

const pairs = (name: string, given: readonly string[]): Map<string, string> =>
  new Map(
    given.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw new Error(`--${name} takes NAME=…, not ${text}`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );

const pidsOf = (text: string | undefined): Record<string, number> =>
  Object.fromEntries(
    (text ?? '')
      .split(',')
      .filter(Boolean)
      .map((each) => {
        const [part = '', pid = ''] = each.split(':');
        return [part, whole('peer-pids', pid, 1, 1 << 30)];
      }),
  );

const SYNTHEA = join(PROJECT, 'test/data/synthea');
const RESERVED = new Set(['portcullis', 'direct', 'bare']);

const peersOf = (values: Readonly<Record<'peers' | 'peer-pids' | 'peer-database' | 'peer-tls', readonly string[]>>): PeerArguments[] => {
  const peers = pairs('peers', values.peers);
  const [pids, databases, tls] = (['peer-pids', 'peer-database', 'peer-tls'] as const).map((name) => pairs(name, values[name]));
  for (const name of [...pids!.keys(), ...databases!.keys(), ...tls!.keys()]) {
    if (!peers.has(name)) throw new Error(`${name} is none of --peers`);
  }
  return [...peers].map(([name, where]) => {
    if (RESERVED.has(name) || !/^[a-z0-9][a-z0-9.-]{0,30}$/i.test(name)) throw new Error(`a peer can't be called "${name}"`);
    if (/^[a-z]+:/i.test(where)) requireLoopback(where);
    const files = tls!.get(name)?.split(',');
    if (files !== undefined && files.length !== 3) throw new Error(`--peer-tls ${name} takes three files: CA,CERT,KEY`);
    return {
      name,
      where,
      pids: pidsOf(pids!.get(name)),
      databaseUrl: databases!.get(name),
      tls: files as unknown as PeerArguments['tls'],
    };
  });
};

const modesOf = (text: string): Mode[] =>
  text.split(',').map((name) => {
    const mode = MODES.find((each) => each === name);
    if (mode === undefined) throw new Error(`there is no mode ${name}: it is one of ${MODES.join(', ')}`);
    return mode;
  });

/** Reads the command line; throws an Error that says what is wrong with it. */
export const parseBenchArguments = (argv: readonly string[]): BenchArguments => {
  const { values } = parseArgs({
    args: [...argv],
    allowNegative: true,
    options: {
      patients: { type: 'string', default: '1000,20000' },
      modes: { type: 'string', default: MODES.join(',') },
      duration: { type: 'string', default: '10' },
      warmup: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      callers: { type: 'string', default: '8' },
      threads: { type: 'string', default: '1' },
      bundles: { type: 'string', default: '16' },
      'bundle-files': { type: 'string', default: join(SYNTHEA, 'patient.json') },
      'bundle-setup': { type: 'string', default: join(SYNTHEA, 'hospitals.json') },
      http: { type: 'string', default: '2' },
      gzip: { type: 'boolean', default: true },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
      data: { type: 'string' },
      direct: { type: 'boolean', default: false },
      bare: { type: 'boolean', default: false },
      peers: { type: 'string', multiple: true, default: [] },
      'peer-pids': { type: 'string', multiple: true, default: [] },
      'peer-database': { type: 'string', multiple: true, default: [] },
      'peer-tls': { type: 'string', multiple: true, default: [] },
      cpu: { type: 'boolean', default: false },
    },
  });
  const { out, data, direct, bare, cpu, gzip } = values;
  return {
    patients: values.patients
      .split(',')
      .map((text) => whole('patients', text, 10, 64_000))
      .sort((a, b) => a - b),
    peers: peersOf(values),
    modes: modesOf(values.modes),
    duration: bounded('duration', values.duration, 0.5, 300),
    warmup: bounded('warmup', values.warmup, 0, 120),
    rounds: whole('rounds', values.rounds, 1, 20),
    callers: whole('callers', values.callers, 1, 256),
    threads: whole('threads', values.threads, 1, 8),
    bundles: whole('bundles', values.bundles, 1, 500),
    bundleFiles: values['bundle-files'].split(',').filter(Boolean),
    bundleSetup: values['bundle-setup'].split(',').filter(Boolean),
    seed: whole('seed', values.seed, 1, 1_000_000),
    http: whole('http', values.http, 1, 2) as 1 | 2,
    out,
    data,
    direct,
    bare,
    cpu,
    gzip,
  };
};
