import { openLineFile } from '../../definitions/line-file.ts';
import type { StructureDefinition } from './structure-definition.ts';

const DATA_FILE = new URL('../../definitions/data/r4-profiles.jsonl', import.meta.url);
const HEAD = /^\{"resourceType":"StructureDefinition","url":"([^"]+)"/;

export interface ProfileSource {
  /** By canonical address, which may end in `|version`; undefined where it isn't known in that version. */
  find(canonical: string): StructureDefinition | undefined;
}

/** A definition that is parsed when it is asked for. */
export interface LazyDefinition {
  readonly url: string;
  readonly resource: () => unknown;
}

/** Packages first, then R4's own profiles and extensions, and US Core as far as it ships with the definitions. */
export const createProfileSource = (packages: Iterable<LazyDefinition>): ProfileSource => {
  const packaged = new Map<string, LazyDefinition[]>();
  for (const definition of packages) packaged.set(definition.url, [...(packaged.get(definition.url) ?? []), definition]);
  const lineOf = openLineFile(DATA_FILE, (head) => HEAD.exec(head)?.[1]);
  const candidates = function* (url: string): Generator<StructureDefinition> {
    for (const { resource } of packaged.get(url) ?? []) yield resource() as StructureDefinition;
    const line = lineOf(url);
    if (line !== undefined) yield JSON.parse(line) as StructureDefinition;
  };
  return {
    find: (canonical) => {
      const [url = '', wanted] = canonical.split('|', 2);
      for (const each of candidates(url)) {
        const isProfile = each.derivation === undefined || each.derivation === 'constraint';
        if (isProfile && (each.snapshot ?? each.differential) !== undefined && (wanted === undefined || each.version === wanted))
          return each;
      }
      return undefined;
    },
  };
};
