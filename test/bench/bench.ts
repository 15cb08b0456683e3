/**
 * `npm run bench`: Portcullis beside other servers, or beside itself without its gate, under the same load.
 * Exit code 0: measured; 1: a side failed or found something else; 2: wrong arguments.
 */
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createGuardian } from '../../local/guardian.ts';
import { PROJECT } from '../../local/toolchain.ts';
import { type BenchArguments, parseBenchArguments, USAGE } from './arguments.ts';
import { bundleOf } from './bundle-file.ts';
import { chartSvg } from './chart.ts';
import { cpuTable } from './cpu.ts';
import { countsOf, fill, type Filled, openFilled } from './fill.ts';
import { measure } from './measurement.ts';
import type { Mode, RequestSource } from './mode.ts';
import { probe } from './probe.ts';
import { differences, reportText, type Results } from './report.ts';
import { openSides, type Side } from './side.ts';
import { openTransport, textOf, type Transport } from './transport.ts';

const say = (text: string): void => void process.stderr.write(`${text}\n`);

/** A side with all that is needed to measure it. */
interface Contestant {
  readonly side: Side;
  readonly transport: Transport;
  readonly filled: Filled;
}

const enter = async (
  side: Side,
  options: BenchArguments,
  { out, others }: { out: string; others: readonly Contestant[] },
): Promise<Contestant> => {
  const transport = openTransport({ ...options, baseUrl: side.baseUrl, tls: side.tls, callers: 4 });
  const shared = others.find((other) => other.side.name === side.populationOf);
  if (shared !== undefined) return { side, transport, filled: shared.filled };
  for (const path of options.modes.includes('bundle') ? options.bundleSetup : []) {
    const answer = await transport.send('POST', '', bundleOf(path).body);
    if (answer.status !== 200) throw new Error(`${side.name} doesn't take ${path}: ${answer.status} ${textOf(answer).slice(0, 600)}`);
  }
  return { side, transport, filled: await openFilled(out, side, options.seed, transport) };
};

/** Fills every side, then counts: throws where two have a different number of anything added. */
const grow = async (contestants: readonly Contestant[], size: number, out: string): Promise<Results['growth'][number][]> => {
  const grown: Results['growth'][number][] = [];
  let expected: string | undefined;
  for (const { side, transport, filled } of contestants) {
    if (side.populationOf !== undefined) continue;
    const before = await countsOf(transport);
    const had = filled.patients.length;
    const growth = await fill(filled, size, { side, transport, out, onProgress: (stored, of) => progress(side.name, stored, of) });
    const after = await countsOf(transport);
    say(`${side.name}: ${size} patients, ${growth.resources} resources stored in ${growth.seconds.toFixed(1)} s`);
    grown.push({ side: side.name, patients: size, growth });
    if (Object.values(after).includes(undefined)) say(`${side.name} doesn't count (_summary=count): its population isn't verified`);
    else {
      const added = JSON.stringify(Object.entries(after).map(([type, count]) => [type, count! - before[type]!]));
      if (had === 0 && (expected ??= added) !== added) throw new Error(`the populations differ: ${expected} and on ${side.name} ${added}`);
    }
  }
  return grown;
};

let told = 0;
const progress = (name: string, stored: number, of: number): void => {
  if (performance.now() - told < 5000) return;
  told = performance.now();
  say(`  ${name}: ${stored} of ${of} patients`);
};

const run = async (options: BenchArguments, out: string, data: string): Promise<number> => {
  const guardian = createGuardian();
  guardian.removeAtEnd(data);
  const { sides, stop } = await openSides(options, { data, guardian });
  const contestants: Contestant[] = [];
  try {
    for (const side of sides) contestants.push(await enter(side, options, { out, others: contestants }));
    const results: Results = {
      title: `Portcullis under load, ${new Date().toISOString().slice(0, 10)}: ${options.callers} callers, ${options.rounds} rounds of ${options.duration} s`,
      sides: sides.map(({ name }) => name),
      sizes: options.patients,
      measurements: [],
      found: [],
      growth: [],
    };
    await measureAll(contestants, options, { out, results });
    const report = reportText(results);
    writeFileSync(join(out, 'report.md'), report);
    writeFileSync(join(out, 'chart.svg'), chartSvg(results));
    process.stdout.write(`${report}\nresults.jsonl, report.md and chart.svg are in ${out}\n`);
    const isBad = differences(results).length > 0 || results.measurements.some(({ failures }) => failures > 0);
    return isBad ? 1 : 0;
  } finally {
    for (const { transport } of contestants) transport.close();
    await stop();
  }
};

const measureAll = async (
  contestants: readonly Contestant[],
  options: BenchArguments,
  { out, results }: { readonly out: string; readonly results: Results },
): Promise<void> => {
  const bundles = options.modes.includes('bundle') ? options.bundleFiles.map(bundleOf) : [];
  const record = (kind: string, line: object): void => appendFileSync(join(out, 'results.jsonl'), `${JSON.stringify({ kind, ...line })}\n`);
  const can = ({ side }: Contestant, mode: Mode): boolean => side.modes?.includes(mode) ?? true;
  for (const size of options.patients) {
    for (const grown of await grow(contestants, size, out)) {
      (results.growth as object[]).push(grown);
      record('growth', grown);
    }
    const sourceOf = ({ filled, side }: Contestant, mode: Mode, run: string): RequestSource => ({
      mode,
      seed: options.seed,
      ids: filled.patients.slice(0, size),
      bundles,
      run: `${side.name}-${size}-${run}-${Date.now().toString(36)}`,
    });
    for (const mode of options.modes) {
      for (const each of contestants) {
        if (!can(each, mode)) continue;
        const found = { side: each.side.name, mode, patients: size, found: await probe(each.transport, sourceOf(each, mode, 'probe')) };
        (results.found as object[]).push(found);
        record('found', found);
      }
    }
    for (let round = 1; round <= options.rounds; round++) {
      // Side by side in alternation, so that whoever comes second in one round is first in the next.
      const order = round % 2 === 1 ? contestants : [...contestants].reverse();
      for (const mode of options.modes) {
        for (const each of order) {
          if (!can(each, mode)) continue;
          const task = { side: each.side, source: sourceOf(each, mode, String(round)), patients: size, round };
          const measurement = await measure(task, options);
          (results.measurements as object[]).push(measurement);
          record('measurement', measurement);
          const { perSecond, p99Ms, failures, generatorCores } = measurement;
          say(
            `${size} patients, round ${round}, ${mode}, ${each.side.name}: ${perSecond}/s, p99 ${p99Ms} ms${mode === 'bundle' ? '' : `, generator ${generatorCores} cores`}${failures > 0 ? `, ${failures} FAILED` : ''}`,
          );
        }
      }
    }
  }
};

const main = async (): Promise<number> => {
  if (process.argv.includes('--help')) {
    process.stdout.write(USAGE);
    return 0;
  }
  let options: BenchArguments;
  try {
    options = parseBenchArguments(process.argv.slice(2));
  } catch (error) {
    say(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.cpu) {
    process.stdout.write(cpuTable());
    return 0;
  }
  const out = resolve(options.out ?? join(PROJECT, '.portcullis/bench', new Date().toISOString().slice(0, 19).replaceAll(':', '')));
  mkdirSync(out, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'portcullis-bench-'));
  try {
    return await run(options, out, data);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
};

// The guardian stops what was started here, and then removes the temporary folder.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
process.exit(
  await main().catch((error: unknown) => {
    say(error instanceof Error ? `${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ''}` : String(error));
    return 1;
  }),
);
