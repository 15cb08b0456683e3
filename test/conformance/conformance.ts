/**
 * `npm run conformance`: what R4 demands, asked of a started system through its Envoy, area by area.
 * Exit code 0: all passed, but for gaps that are known and listed; 1: something failed; 2: wrong arguments.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PROJECT } from '../../local/toolchain.ts';
import { runCapabilities } from './capabilities.ts';
import type { Area } from './case.ts';
import { bundles } from './cases/bundles.ts';
import { conditional } from './cases/conditional.ts';
import { errors } from './cases/errors.ts';
import { formats } from './cases/formats.ts';
import { history } from './cases/history.ts';
import { interactions } from './cases/interactions.ts';
import { operations } from './cases/operations.ts';
import { patch } from './cases/patch.ts';
import { searchChain, searchInclude } from './cases/search-chain.ts';
import { searchComposite } from './cases/search-composite.ts';
import { searchDate } from './cases/search-date.ts';
import { searchNumber, searchQuantity } from './cases/search-number.ts';
import { searchReference, searchUri } from './cases/search-reference.ts';
import { paging, searchResult } from './cases/search-result.ts';
import { searchSpecial } from './cases/search-special.ts';
import { searchString } from './cases/search-string.ts';
import { searchToken } from './cases/search-token.ts';
import { terminology } from './cases/terminology.ts';
import { validation } from './cases/validation.ts';
import { installExamples, runExamples } from './examples.ts';
import { runHapiClient } from './hapi-client.ts';
import { runDefinitions } from './official-definitions.ts';
import { type CaseResult, runArea } from './runner.ts';
import { openTarget } from './target.ts';
import { runXmlExamples } from './xml-examples.ts';

const AREAS: readonly Area[] = [
  interactions,
  conditional,
  searchString,
  searchToken,
  searchDate,
  searchNumber,
  searchQuantity,
  searchReference,
  searchUri,
  searchComposite,
  searchChain,
  searchInclude,
  searchSpecial,
  searchResult,
  paging,
  bundles,
  patch,
  history,
  formats,
  validation,
  operations,
  terminology,
  errors,
];

const USAGE = `npm run conformance -- [--no-examples] [--no-xml] [--no-java] [PART OF AN AREA'S NAME …]

Starts the system in a temporary folder and asks it, through its Envoy, for what FHIR R4 demands.

  --no-examples   without the official R4 examples (the first time they are downloaded: 30 MB)
  --no-xml        the official examples as JSON only
  --no-java       without HAPI's Java client (it needs Java 17 and Maven, and is left out where they aren't)
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Options {
  readonly areas: readonly Area[];
  readonly parts: readonly string[];
  readonly capabilities: boolean;
  readonly examples: boolean;
  readonly xml: boolean;
  readonly java: boolean;
}

const optionsOf = (): Options => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    allowNegative: true,
    options: {
      examples: { type: 'boolean', default: true },
      xml: { type: 'boolean', default: true },
      java: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    say(USAGE);
    process.exit(0);
  }
  const named = (name: string): boolean => positionals.length === 0 || positionals.some((part) => name.includes(part));
  return {
    areas: AREAS.filter(({ area }) => named(area)),
    parts: positionals,
    capabilities: named('capabilities'),
    examples: values.examples && named('official examples as XML'),
    xml: values.xml && named('official examples as XML'),
    java: values.java && named('HAPI client'),
  };
};

/** The table and everything below it; true when nothing failed that isn't known. */
const report = (results: readonly CaseResult[], refused: readonly string[], notes: readonly string[]): boolean => {
  const failed = results.filter(({ faults }) => faults.length > 0);
  const unexpected = failed.filter(({ gap }) => gap === undefined);
  const list = (title: string, lines: readonly string[]): void => {
    if (lines.length > 0) say(`\n${title}\n${lines.map((each) => `  ${each}`).join('\n')}`);
  };
  list(
    'Failed:',
    unexpected.map(({ area, name, faults }) => `${area}: ${name}\n      ${faults.join('\n      ')}`),
  );
  list(
    'Known gaps:',
    failed.filter(({ gap }) => gap !== undefined).map(({ area, name, gap }) => `${area}: ${name}: ${gap}`),
  );
  list(
    'Gaps that are none any more (take the mark off):',
    results.filter(({ gap, faults }) => gap !== undefined && faults.length === 0).map(({ area, name }) => `${area}: ${name}`),
  );
  list('Official examples that are refused, as they must be:', [...refused].sort());
  list('Left out:', notes);
  const areas = Map.groupBy(results, ({ area }) => area);
  const width = Math.max(...[...areas.keys()].map(({ length }) => length), 5);
  say(`\n${'area'.padEnd(width)}  passed/total`);
  for (const [area, mine] of areas) say(`${area.padEnd(width)}  ${mine.filter(({ faults }) => faults.length === 0).length}/${mine.length}`);
  say(`${'all'.padEnd(width)}  ${results.length - failed.length}/${results.length}`);
  return unexpected.length === 0;
};

const main = async (): Promise<number> => {
  const { areas, parts, capabilities, examples, xml, java } = optionsOf();
  if (areas.length === 0 && !capabilities && !examples && !java) {
    process.stderr.write(
      `no area's name contains ${parts.join(' or ')}: they are ${AREAS.map(({ area }) => area).join(', ')}, capabilities, official examples, HAPI client\n`,
    );
    return 2;
  }
  const cache = join(PROJECT, '.portcullis/conformance');
  const folder = examples ? installExamples(cache) : undefined;
  const data = mkdtempSync(join(tmpdir(), 'portcullis-conformance-'));
  const target = await openTarget(data);
  try {
    const results: CaseResult[] = [];
    const notes: string[] = [];
    for (const area of areas) results.push(...(await runArea(area, target)));
    if (capabilities) results.push(...(await runCapabilities(target.send)));
    if (folder !== undefined) results.push(...runDefinitions(folder), ...(xml ? runXmlExamples(folder) : []));
    if (java) {
      const outcome = await runHapiClient(join(cache, 'java'), target);
      if (typeof outcome === 'string') notes.push(`HAPI client: ${outcome}`);
      else results.push(...outcome);
    }
    const { results: read, refused } = folder === undefined ? { results: [], refused: [] } : await runExamples(folder, target.send, xml);
    return report([...results, ...read], refused, notes) ? 0 : 1;
  } finally {
    await target.stop();
    rmSync(data, { recursive: true, force: true });
  }
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130));
process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return 1;
  }),
);
