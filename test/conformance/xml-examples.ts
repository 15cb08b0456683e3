/**
 * Every official R4 example, from JSON to XML and back: equal, to the last digit of each number.
 * usage: node test/conformance/xml-examples.ts FOLDER      the folder of the npm package hl7.fhir.r4.examples
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { loadRegistry } from '../../fhir/definitions/registry.ts';
import { numbersAsText } from '../../fhir/json/number-text.ts';
import { fromXml } from '../../fhir/xml/from-xml.ts';
import { toXml } from '../../fhir/xml/to-xml.ts';

interface Example {
  readonly area: string;
  readonly name: string;
  /** Empty: it came back the same. */
  readonly faults: readonly string[];
}

/** Numbers are the texts that were written. */
const exact = (text: string): unknown => JSON.parse(numbersAsText(text)) as unknown;

export const runXmlExamples = (folder: string): Example[] => {
  const registry = loadRegistry();
  const results: Example[] = [];
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json') || name === 'package.json' || name.startsWith('.')) continue;
    const json = readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '');
    if (!json.includes('"resourceType"')) continue;
    const faults: string[] = [];
    try {
      if (!isDeepStrictEqual(exact(fromXml(toXml(json, registry), registry)), exact(json))) faults.push('it came back different');
    } catch (error) {
      faults.push((error as Error).message);
    }
    results.push({ area: 'XML and back', name, faults });
  }
  return results;
};

if (import.meta.main) {
  const results = runXmlExamples(process.argv[2]!);
  const failed = results.filter(({ faults }) => faults.length > 0);
  for (const { name, faults } of failed) process.stdout.write(`${name}: ${faults.join('; ')}\n`);
  process.stdout.write(`${results.length - failed.length} of ${results.length} came back the same\n`);
  process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0;
}
