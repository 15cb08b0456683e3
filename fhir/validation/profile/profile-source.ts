import { readFileSync } from 'node:fs';
import { openLineFile } from '../../definitions/line-file.ts';
import type { StructureDefinition } from './structure-definition.ts';

const DATA_FILE = new URL('../../definitions/data/r4-profiles.jsonl', import.meta.url);
const HEAD = /^\{"resourceType":"StructureDefinition","url":"([^"]+)"/;

const HEAD_AND_TYPE = /^\{"resourceType":"StructureDefinition","url":"([^"]+)",(?:"[a-z]+":"[^"]*",)*?"type":"([^"]+)"/gm;

/** The profiles that claims are held against, by what they are about: those of the packages, and those that ship. */
export const supportedProfiles = (
  packages: Iterable<{ readonly url: string; readonly type?: string | undefined }>,
): ReadonlyMap<string, readonly string[]> => {
  const found = new Map<string, Set<string>>();
  const add = (url: string, type: string | undefined): void => {
    if (type === undefined || url === `http://hl7.org/fhir/StructureDefinition/${type}`) return;
    found.set(type, (found.get(type) ?? new Set()).add(url));
  };
  for (const { url, type } of packages) add(url, type);
  for (const [, url, type] of readFileSync(DATA_FILE, 'utf8').matchAll(HEAD_AND_TYPE)) add(url!, type);
  return new Map([...found].map(([type, urls]) => [type, [...urls].sort()]));
};

export interface ProfileSource {
  /** By canonical address, which may end in `|version`; undefined where it isn't known in that version. */
  find(canonical: string): StructureDefinition | undefined;
}

/** What the first doesn't know, the second may. */
export const eitherSource = (first: ProfileSource, second: ProfileSource): ProfileSource => ({
  find: (canonical) => first.find(canonical) ?? second.find(canonical),
});

/** A definition that is parsed when it is asked for. */
export interface LazyDefinition {
  readonly url: string;
  readonly resource: () => unknown;
}

type Candidates = (url: string) => Iterable<StructureDefinition>;

const sourceOf = (candidates: Candidates): ProfileSource => ({
  find: (canonical) => {
    const [url = '', wanted] = canonical.split('|', 2);
    for (const each of candidates(url)) {
      const isProfile = each.derivation === undefined || each.derivation === 'constraint';
      if (isProfile && (each.snapshot ?? each.differential) !== undefined && (wanted === undefined || each.version === wanted)) return each;
    }
    return undefined;
  },
});

const byUrl = (definitions: Iterable<LazyDefinition>): Candidates => {
  const known = new Map<string, LazyDefinition[]>();
  for (const definition of definitions) known.set(definition.url, [...(known.get(definition.url) ?? []), definition]);
  return function* (url) {
    for (const { resource } of known.get(url) ?? []) yield resource() as StructureDefinition;
  };
};

/** Of definitions at hand. */
export const definitionSource = (definitions: Iterable<LazyDefinition>): ProfileSource => sourceOf(byUrl(definitions));

/** Packages first, then R4's own profiles and extensions, and US Core as far as it ships with the definitions. */
export const createProfileSource = (packages: Iterable<LazyDefinition>): ProfileSource => {
  const packaged = byUrl(packages);
  const lineOf = openLineFile(DATA_FILE, (head) => HEAD.exec(head)?.[1]);
  return sourceOf(function* (url) {
    yield* packaged(url);
    const line = lineOf(url);
    if (line !== undefined) yield JSON.parse(line) as StructureDefinition;
  });
};
