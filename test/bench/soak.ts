/**
 * `npm run soak`: every kind of request, over and over, through the real edge, and what grows meanwhile.
 * Exit code 0: every request was answered; 1: some failed; 2: wrong arguments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPool } from '../../fhir/store/pool.ts';
import { createGuardian } from '../../local/guardian.ts';
import { parseBenchArguments } from './arguments.ts';
import { bundleOf } from './bundle-file.ts';
import { fill, openFilled } from './fill.ts';
import { growthText, peakMbOf, type Sample, sampleOf } from './growth.ts';
import { largeBundle, postLarge } from './large-bundle.ts';
import { runLoad } from './load.ts';
import { MODES } from './mode.ts';
import { openSides } from './side.ts';
import { openTransport, textOf, type Transport } from './transport.ts';

const USAGE = `npm run soak -- [OPTIONS]

Starts Portcullis in a temporary folder, loads it with every kind of request in turn, and tells each minute and at the end what its processes take.

  --minutes N    how long (default 10; up to 10000)
  --callers N    requests under way at once (default 8)
  --patients N   that it is filled with first (default 500)
  --large        first two transactions and two batches of 50 MB, each with searches beside it, and what memory the FHIR server took for them
  --bundle-files F,F   Bundles to post, .json or .json.gz (default test/data/synthea/patient.json)
  --bundle-setup F,F   posted once before them (default test/data/synthea/hospitals.json)
`;
const MINUTE_MS = 60_000;
const LARGE_BYTES = 50e6;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const argumentsOf = (argv: readonly string[]): { minutes: number; large: boolean; bench: ReturnType<typeof parseBenchArguments> } => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: 'string', default: '10' },
      callers: { type: 'string', default: '8' },
      patients: { type: 'string', default: '500' },
      large: { type: 'boolean', default: false },
      'bundle-files': { type: 'string' },
      'bundle-setup': { type: 'string' },
    },
  });
  const { minutes, large, ...others } = values;
  const number = Number(minutes);
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw new Error(`--minutes takes a number from 1 to 10000, not ${minutes}`);
  return { minutes: number, large, bench: parseBenchArguments(Object.entries(others).flatMap(([name, value]) => [`--${name}`, value])) };
};

/** Answers how many were not stored. */
const soakLarge = async (transport: Transport, path: string, fhirPid: number): Promise<number> => {
  let failures = 0;
  for (const type of ['transaction', 'transaction', 'batch', 'batch'] as const) {
    const body = largeBundle(type, path, LARGE_BYTES);
    const { status, seconds, reads, slowestReadMs } = await postLarge(transport, body);
    if (status !== 200) failures++;
    const size = `${Math.round(Buffer.byteLength(body) / 1e6)} MB`;
    const beside = `${reads} searches beside it took ${Math.round(slowestReadMs)} ms at most`;
    say(`${type} of ${size}: ${status} after ${seconds.toFixed(1)} s; ${beside}; fhir at most ${Math.round(peakMbOf(fhirPid))} MB so far`);
  }
  return failures;
};

const soak = async (
  { minutes, large, bench }: ReturnType<typeof argumentsOf>,
  data: string,
): Promise<{ failures: number; samples: readonly Sample[] }> => {
  const guardian = createGuardian();
  guardian.removeAtEnd(data);
  const { sides, stop } = await openSides(bench, { data, guardian });
  const side = sides[0]!;
  const transport = openTransport({ ...bench, baseUrl: side.baseUrl, tls: side.tls, callers: 4 });
  const sql = createPool(side.databaseUrl!, { max: 1, application: 'soak' });
  const samples: Sample[] = [];
  let failures = 0;
  try {
    for (const path of bench.bundleSetup) {
      const answer = await transport.send('POST', '', bundleOf(path).body);
      if (answer.status !== 200) throw new Error(`${path} was answered with ${answer.status}: ${textOf(answer).slice(0, 300)}`);
    }
    const filled = await openFilled(data, side, bench.seed, transport);
    await fill(filled, bench.patients[0]!, { side, transport, out: data, onProgress: () => undefined });
    if (large) failures += await soakLarge(transport, bench.bundleFiles[0]!, side.pids['fhir']!);
    const bundles = bench.bundleFiles.map(bundleOf);
    for (let minute = 1; minute <= minutes; minute++) {
      let requests = 0;
      for (const mode of MODES) {
        const result = await runLoad({
          transport: { baseUrl: side.baseUrl, tls: side.tls, http: bench.http, gzip: bench.gzip, callers: bench.callers },
          source: { mode, seed: bench.seed, ids: filled.patients, bundles, run: `soak-${minute}-${Date.now().toString(36)}` },
          threads: 1,
          warmupMs: 0,
          durationMs: MINUTE_MS / MODES.length,
          onBegin: () => undefined,
          onEnd: () => undefined,
        });
        requests += result.requests;
        failures += result.failures;
        if (result.failures > 0) say(`${mode}: ${result.failures} failed, first ${result.firstFailure}`);
      }
      const sample = await sampleOf(side.pids, sql, minute);
      samples.push(sample);
      const memory = Object.entries(sample.parts).map(([name, { mb }]) => `${name} ${mb}`);
      say(`minute ${minute}: ${requests} requests; MB: ${memory.join(', ')}`);
    }
    return { failures, samples };
  } finally {
    transport.close();
    await sql.end();
    await stop();
  }
};

const main = async (): Promise<number> => {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: ReturnType<typeof argumentsOf>;
  try {
    options = argumentsOf(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const data = mkdtempSync(join(tmpdir(), 'portcullis-soak-'));
  try {
    const { failures, samples } = await soak(options, data);
    say(`\n${growthText(samples)}${failures === 0 ? 'every request was answered' : `${failures} requests FAILED`}`);
    return failures === 0 ? 0 : 1;
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
};

// The guardian stops what was started here, and then removes the temporary folder.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }),
);
