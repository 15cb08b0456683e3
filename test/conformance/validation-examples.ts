/**
 * Every official R4 example, validated as a write is: all pass but those that are wrong by R4's own rules.
 * usage: node test/conformance/validation-examples.ts FOLDER      the folder of the npm package hl7.fhir.r4.examples
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadRegistry } from '../../fhir/definitions/registry.ts';
import { parseJson } from '../../fhir/json/strict.ts';
import { coreSource } from '../../fhir/terminology/sources.ts';
import { createResourceValidator } from '../../fhir/validation/resource-validator.ts';

interface Example {
  readonly area: string;
  readonly name: string;
  /** Empty: it was judged right. */
  readonly faults: readonly string[];
}

const NO_BASE = 'SearchParameter.base is required and missing';
const EMPTY_NARRATIVE = 'its narrative holds nothing to read (txt-2)';
const NOT_LISTED = "it refers to a type that the element's definition doesn't list";

/** Examples that R4 publishes though its own definitions refuse them: file → why, and a pattern of the issue. */
const KNOWN_BAD: ReadonlyMap<RegExp, readonly [reason: string, issue: RegExp]> = new Map([
  [/^Questionnaire-qs1\.json$/, ['items have no linkId', /linkId is required/]],
  [/^SearchParameter-(?:codesystem|valueset)-extensions-.*\.json$/, [NO_BASE, /base is required/]],
  [/^(?:ImplementationGuide-fhir|ig-r4)\.json$/, ['neither name nor status, and an id of 66 characters', /is required|Type\/id/]],
  [/^(?:Bundle-v2-valuesets|CodeSystem-v2-0550)\.json$/, ['codes that end in a space', /trailing/]],
  [/^SearchParameter-questionnaireresponse-extensions-.*\.json$/, ['an id of 66 characters', /SearchParameter\.id/]],
  [/^Library-zika-virus-intervention-logic\.json$/, ['the OID X.Y.Z', /urn:oid:X\.Y\.Z/]],
  [/^ActivityDefinition-(?:blood-tubes-supply|heart-valve-replacement)\.json$/, [EMPTY_NARRATIVE, /txt-2/]],
  [/^EventDefinition-example\.json$/, [EMPTY_NARRATIVE, /txt-2/]],
  [/^Questionnaire-zika-virus-exposure-assessment\.json$/, [EMPTY_NARRATIVE, /txt-2/]],
  [/^DeviceMetric-example\.json$/, [NOT_LISTED, /DeviceDefinition isn't allowed/]],
  [/^DeviceUseStatement-example\.json$/, [NOT_LISTED, /Procedure isn't allowed/]],
  [/^MedicationRequest-medrx0301\.json$/, [NOT_LISTED, /Practitioner isn't allowed/]],
  [/^Observation-clinical-gender\.json$/, [NOT_LISTED, /Encounter isn't allowed/]],
]);
const MAX_DEPTH = 200;

export const runValidationExamples = (folder: string): Example[] => {
  const validator = createResourceValidator({ registry: loadRegistry(), terminology: coreSource(), profiles: [], onWrite: 'structure' });
  const results: Example[] = [];
  for (const name of readdirSync(folder)) {
    if (!name.endsWith('.json') || name === 'package.json' || name.startsWith('.')) continue;
    const text = readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '');
    const resource = parseJson(text, MAX_DEPTH) as Readonly<Record<string, unknown>>;
    const type = resource['resourceType'];
    if (typeof type !== 'string') continue;
    const issues = validator.validate(resource, type, text);
    if (issues.length === 0) issues.push(...validator.rules(resource, type));
    const found = issues.map(({ diagnostics }) => diagnostics);
    const known = [...KNOWN_BAD].find(([file]) => file.test(name))?.[1];
    const passed = known !== undefined && found.length === 0 ? [`it passed, though ${known[0]}`] : [];
    const faults = known === undefined ? found : [...found.filter((issue) => !known[1].test(issue)), ...passed];
    results.push({ area: 'validation of official examples', name, faults });
  }
  return results;
};

if (import.meta.main) {
  const results = runValidationExamples(process.argv[2]!);
  const failed = results.filter(({ faults }) => faults.length > 0);
  for (const { name, faults } of failed) process.stdout.write(`${name}: ${faults.join('; ')}\n`);
  process.stdout.write(
    `${results.length - failed.length} of ${results.length} were judged right, ${KNOWN_BAD.size} patterns of wrong ones included\n`,
  );
  process.exitCode = failed.length > 0 || results.length === 0 ? 1 : 0;
}
