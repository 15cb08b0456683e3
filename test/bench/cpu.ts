/** `--cpu`: what a write costs before it reaches the database, in CPU of this one process. */
import { loadRegistry } from '../../fhir/definitions/registry.ts';
import { parseJson } from '../../fhir/json/strict.ts';
import { createExtractor } from '../../fhir/search/extract.ts';
import { createIndexPlan } from '../../fhir/search/index-plan.ts';
import { createValidator } from '../../fhir/validation/validator.ts';
import { observationOf, patientOf, personAt } from './population.ts';
import { createRandom } from './random.ts';

const BODIES = 200;
const WARM_MS = 700;
const MEASURED_MS = 1500;

/** Microseconds of CPU for each call of `work`, after a warm-up. */
const cpuUsOf = (work: (i: number) => void): number => {
  for (let i = 0, end = performance.now() + WARM_MS; performance.now() < end; i++) work(i);
  let runs = 0;
  const before = process.cpuUsage();
  for (const end = performance.now() + MEASURED_MS; performance.now() < end; runs++) work(runs);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / runs;
};

/** A table of microseconds, as text. */
export const cpuTable = (): string => {
  const startedAt = performance.now();
  const registry = loadRegistry();
  const keys = new Map<string, number>();
  const keyId = (key: string): number => {
    let id = keys.get(key);
    if (id === undefined) keys.set(key, (id = keys.size + 1));
    return id;
  };
  const validator = createValidator(registry);
  const extractor = createExtractor(createIndexPlan(registry, 'https://localhost:8443/fhir'), keyId, { typeIdOf: registry.typeId });
  const loadMs = performance.now() - startedAt;
  const random = createRandom(1);
  const samples: Readonly<Record<string, (i: number) => object>> = {
    Patient: (i) => patientOf(random, personAt(1, i), { organization: 'Organization/1', practitioner: 'Practitioner/1' }),
    Observation: (i) => observationOf(random, `Patient/${i}`, i),
  };
  const lines = Object.entries(samples).map(([type, make]) => {
    const texts = Array.from({ length: BODIES }, (_, i) => JSON.stringify(make(i)));
    const resources = texts.map((text) => parseJson(text) as Readonly<Record<string, unknown>>);
    const faults = validator.validate(resources[0], type);
    if (faults.length > 0) throw new Error(`the sample ${type} isn't valid: ${faults[0]!.diagnostics}`);
    const parse = cpuUsOf((i) => void parseJson(texts[i % BODIES]!));
    const validate = cpuUsOf((i) => void validator.validate(resources[i % BODIES], type));
    const extract = cpuUsOf((i) => void extractor.extract(type, 'sample', resources[i % BODIES]!));
    const cells = [parse, validate, extract, parse + validate + extract].map((us) => us.toFixed(1).padStart(9));
    return `${type.padEnd(12)} ${String(texts[0]!.length).padStart(6)}${cells.join('')}`;
  });
  return `CPU microseconds in one process (definitions loaded in ${loadMs.toFixed(0)} ms)

              bytes    parse validate  extract      all
${lines.join('\n')}
`;
};
