/**
 * `npm run test:k8s`: the chart on a real cluster, the one that KUBECONFIG names: installed, used, rolled, drained, broken. README.md says how.
 * Ends with a table of what was measured and `N passed, N failed` alone on the last line. Exit code: 0 all passed, 1 not, 2 wrong arguments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { onNpmGone } from '../../local/parent-watch.ts';
import { findProgram } from '../support/helm.ts';
import type { Case, Context, Row } from './case.ts';
import { config } from './cases/config.ts';
import { evaluation } from './cases/evaluation.ts';
import { migrations } from './cases/migrations.ts';
import { network } from './cases/network.ts';
import { probes } from './cases/probes.ts';
import { production } from './cases/production.ts';
import { rollout } from './cases/rollout.ts';
import { rotation } from './cases/rotation.ts';
import { scaling } from './cases/scaling.ts';
import { type Cluster, openCluster } from './support/cluster.ts';
import { stopCommands } from './support/command.ts';
import { imagesAlreadyLoaded, loadImages } from './support/images.ts';
import { reportText, writeReport } from './support/report.ts';
import { secondsSince } from './support/until.ts';

const CASES: readonly Case[] = [evaluation, network, config, probes, rotation, migrations, production, scaling, rollout];

const USAGE = `npm run test:k8s -- [OPTIONS] [CASE …]

  KUBECONFIG        the cluster; without it everything is skipped
  K8S_LOAD_IMAGE    command that brings an image onto its nodes, called with NAME:TAG and the folder of the image's root

  --report FILE     writes FILE.json and FILE.md
  --keep            leaves the namespaces as they are, to be looked at
  --loaded TAG      the images of an earlier run of the same code are still there under this tag: load none

${CASES.map(({ name, title }) => `  ${name.padEnd(17)} ${title}`).join('\n')}`;

const ARGUMENTS = {
  report: { type: 'string' },
  keep: { type: 'boolean' },
  loaded: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const readArguments = () => {
  try {
    const { values, positionals } = parseArgs({ options: ARGUMENTS, allowPositionals: true });
    const unknown = positionals.find((wanted) => !CASES.some(({ name }) => name === wanted));
    if (unknown !== undefined) throw new Error(`there is no case ${unknown}`);
    return { ...values, chosen: CASES.filter(({ name }) => positionals.length === 0 || positionals.includes(name)) };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return process.exit(2);
  }
};

process.removeAllListeners('warning'); // that taking types out of code is experimental
const options = readArguments();
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}

/** What is missing here; undefined where everything is there. */
const missing = (): string | undefined => {
  if (!process.env['KUBECONFIG']) return 'KUBECONFIG is not set: name the configuration of a cluster that may be filled and emptied';
  if (findProgram('kubectl') === undefined) return 'there is no kubectl on PATH';
  if (findProgram('helm') === undefined) return 'there is no helm on PATH';
  if (!process.env['K8S_LOAD_IMAGE'] && options.loaded === undefined)
    return 'K8S_LOAD_IMAGE is not set: the command that brings an image onto the cluster (test/k8s/README.md has those for kind and k3d)';
  return undefined;
};
const reason = missing();
if (reason !== undefined) {
  console.log(`${reason}\n0 passed, 0 failed, skipped`);
  process.exit(0);
}

const startedAt = performance.now();
const work = mkdtempSync(join(tmpdir(), 'portcullis-k8s-'));
const rows: (Row & { readonly name: string })[] = [];
const skipped: string[] = [];
const failures: string[] = [];
let passed = 0;
let cluster: Cluster | undefined;

let isStopping = false;
const cleanUp = async (): Promise<void> => {
  if (!options.keep) await cluster?.cleanUp();
  rmSync(work, { recursive: true, force: true });
};
const abort = async (): Promise<void> => {
  if (isStopping) return;
  isStopping = true;
  console.log('stopping: removing the namespaces of this run …');
  stopCommands();
  await cleanUp();
  process.exit(130);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void abort());
onNpmGone(() => void abort());

const clock = (): string => `${secondsSince(startedAt).toFixed(1).padStart(7)} s`;

const contextOf = ({ name }: Case, shared: Pick<Context, 'cluster' | 'images'>): Context => ({
  ...shared,
  work,
  check: (statement, holds, seen) => {
    if (holds) passed++;
    else failures.push(`${name}: ${statement}`);
    console.log(`${clock()}  ${holds ? 'ok  ' : 'FAIL'} ${name}: ${statement}`);
    if (!holds && seen !== undefined)
      console.log(`             seen: ${(typeof seen === 'string' ? seen : JSON.stringify(seen)).slice(0, 3000)}`);
  },
  skip: (what, why) => {
    skipped.push(`${name}: ${what}: ${why}`);
    console.log(`${clock()}  skip ${name}: ${what}: ${why}`);
  },
  measured: (what, value) => {
    rows.push({ name, what, value });
    console.log(`${clock()}       ${name}: ${what}: ${value}`);
  },
  say: (text) => console.log(`${clock()}       ${text}`),
});

try {
  cluster = await openCluster();
  const images =
    options.loaded === undefined
      ? await loadImages(process.env['K8S_LOAD_IMAGE']!, work)
      : imagesAlreadyLoaded(options.loaded, process.env['K8S_LOAD_IMAGE'], work);
  rows.push({
    name: 'run',
    what: 'images',
    value: options.loaded === undefined ? `made and loaded in ${secondsSince(startedAt)} s as tag ${images.tag}` : images.tag,
  });
  console.log(`${clock()}  images: ${images.tag}`);
  for (const each of options.chosen) {
    const context = contextOf(each, { cluster, images });
    const began = performance.now();
    console.log(`${clock()}  ---- ${each.name}: ${each.title}`);
    try {
      await each.run(context);
    } catch (error) {
      if (isStopping) break;
      context.check('runs to its end', false, (error as Error).stack);
    }
    rows.push({ name: each.name, what: 'the whole case', value: `${secondsSince(began)} s` });
    // What a case leaves goes while the next one begins.
    if (!options.keep) await cluster.cleanUp({ isWaiting: false });
  }
} catch (error) {
  failures.push((error as Error).message);
  console.log((error as Error).stack);
}
if (!isStopping) {
  await cleanUp();
  const outcome = { rows, skipped, failures, passed };
  console.log(`\n${reportText(outcome)}`);
  if (options.report !== undefined) writeReport(resolve(process.env['INIT_CWD'] ?? '.', options.report), outcome);
  console.log(`${passed} passed, ${failures.length} failed`);
  process.exit(failures.length === 0 ? 0 : 1);
}
