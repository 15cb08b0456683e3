/** Every official R4 example is stored and read back, as JSON and by way of XML: equal, to the last digit of each number. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSame } from './check.ts';
import type { CaseResult, Send } from './runner.ts';

const AREA = 'official examples';
const XML_AREA = 'official examples as XML';
const XML = 'application/fhir+xml';
const AT_ONCE = 4;
const HERE = import.meta.dirname;

/** Folder of the examples; installed from npm as pinned when they aren't there yet. */
export const installExamples = (cache: string): string => {
  const folder = join(cache, 'packages');
  const examples = join(folder, 'node_modules/hl7.fhir.r4.examples');
  mkdirSync(folder, { recursive: true });
  const lock = 'package-lock.json';
  const isThere =
    existsSync(join(examples, 'package.json')) &&
    existsSync(join(folder, lock)) &&
    readFileSync(join(folder, lock), 'utf8') === readFileSync(join(HERE, 'packages', lock), 'utf8');
  if (isThere) return examples;
  process.stderr.write('installing the official R4 examples (hl7.fhir.r4.examples 4.0.1) into .portcullis/conformance …\n');
  for (const name of ['package.json', lock]) copyFileSync(join(HERE, 'packages', name), join(folder, name));
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) throw new Error("npm couldn't install the official examples (its message is above); --no-examples goes without them");
  return examples;
};

/** Numbers as they are written, so that 1.10 isn't 1.1. */
const exact = (text: string): Record<string, unknown> =>
  JSON.parse(text, ((_: string, value: unknown, { source }: { source?: string }) =>
    typeof value === 'number' ? `number ${source}` : value) as never) as Record<string, unknown>;

const withoutServerMeta = (resource: Record<string, unknown>): Record<string, unknown> => {
  const { meta, ...rest } = resource;
  const { versionId: _, lastUpdated: __, ...kept } = (meta ?? {}) as Record<string, unknown>;
  return Object.keys(kept).length === 0 ? rest : { ...rest, meta: kept };
};

const difference = (a: unknown, b: unknown, path = ''): string => {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) {
    return `${path}: ${JSON.stringify(a)?.slice(0, 80)} became ${JSON.stringify(b)?.slice(0, 80)}`;
  }
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const key = [...new Set([...Object.keys(left), ...Object.keys(right)])].find((each) => !isSame(left[each], right[each]))!;
  return difference(left[key], right[key], `${path}.${key}`);
};

/** Examples that R4's own definitions refuse, with the reason; `Type/id` → reason. */
type Refused = Readonly<Record<string, string>>;

export interface ExamplesResult {
  readonly results: readonly CaseResult[];
  /** Refused for the reason that is known. */
  readonly refused: readonly string[];
}

/** Reads what is stored as XML, stores that XML, and compares what is then read as JSON. */
const throughXml = async (name: string, text: string, send: Send): Promise<CaseResult> => {
  const result = (...faults: string[]): CaseResult => ({ area: XML_AREA, name, faults });
  const read = await send(`/${name}`, { headers: { accept: XML } });
  if (read.status !== 200) return result(`its read as XML answers ${read.status}: ${read.text.slice(0, 200)}`);
  const stored = await send(`/${name}`, { method: 'PUT', body: read.text, headers: { 'content-type': XML } });
  if (stored.status !== 200 && stored.status !== 201)
    return result(`its own XML is refused with ${stored.status}: ${stored.text.slice(0, 300)}`);
  const again = (await send(`/${name}`, { headers: { accept: 'application/fhir+json' } })).text;
  const [before, after] = [withoutServerMeta(exact(text)), withoutServerMeta(exact(again))];
  return isSame(before, after) ? result() : result(`different at ${difference(before, after)}`);
};

const putAndRead = async (text: string, send: Send, known: Refused): Promise<{ result?: CaseResult; refused?: string }> => {
  const resource = JSON.parse(text) as { resourceType: string; id?: string };
  const name = `${resource.resourceType}/${resource.id}`;
  const result = (...faults: string[]): { result: CaseResult } => ({ result: { area: AREA, name, faults } });
  const stored = await send(`/${name}`, { method: 'PUT', body: text });
  if (stored.status !== 200 && stored.status !== 201) {
    const issue = stored.json?.issue?.[0];
    const reason = `${stored.status} ${issue?.diagnostics ?? stored.text.slice(0, 200)}`;
    if (known[name] === undefined) return result(`refused: ${reason}`);
    return { refused: `${name}: ${known[name]} (${reason.slice(0, 160)})` };
  }
  if (known[name] !== undefined) return result(`it was taken, though ${known[name]}`);
  const { status, text: read } = await send(`/${name}`, { headers: { accept: 'application/fhir+json' } });
  if (status !== 200) return result(`stored, but its read answers ${status}`);
  const [before, after] = [withoutServerMeta(exact(text)), withoutServerMeta(exact(read))];
  return isSame(before, after) ? result() : result(`read back different at ${difference(before, after)}`);
};

/** `xml`: by way of XML, too. */
export const runExamples = async (folder: string, send: Send, xml: boolean): Promise<ExamplesResult> => {
  const known = JSON.parse(readFileSync(join(HERE, 'refused-examples.json'), 'utf8')) as Refused;
  const files = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'package.json' && !name.startsWith('.'));
  const results: CaseResult[] = [];
  const refused: string[] = [];
  const queue = files.values();
  const work = async (): Promise<void> => {
    for (const file of queue) {
      const text = readFileSync(join(folder, file), 'utf8').replace(/^\uFEFF/, '');
      if (!text.includes('"resourceType"')) continue;
      const outcome = await putAndRead(text, send, known);
      if (outcome.result !== undefined) results.push(outcome.result);
      if (xml && outcome.result?.faults.length === 0) results.push(await throughXml(outcome.result.name, text, send));
      if (outcome.refused !== undefined) refused.push(outcome.refused);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { results, refused };
};
