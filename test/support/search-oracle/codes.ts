/** Sets and hierarchies of codes. Source: http://hl7.org/fhir/R4/search.html#token (:in, :not-in, :above, :below) */
import type { Resource } from './resources.ts';

/** Child → parents, of the code system urn:s1. */
const PARENTS: Readonly<Record<string, readonly string[]>> = { a: [], A: ['a'], b: ['a'], c: ['b'], '1': [] };
const conceptsBelow = (parent: string): object[] =>
  Object.entries(PARENTS)
    .filter(([, parents]) => parents[0] === parent)
    .map(([code]) => conceptOf(code));
const conceptOf = (code: string): object => {
  const concept = conceptsBelow(code);
  return { code, ...(concept.length > 0 && { concept }) };
};

interface Code {
  readonly system: string;
  readonly code: string;
}
const s1 = (code: string): Code => ({ system: 'urn:s1', code });
const listed = (system: string, ...codes: readonly string[]): object => ({ system, concept: codes.map((code) => ({ code })) });
const ALL = Object.keys(PARENTS).map(s1);
const isBelow = (code: string, other: string): boolean => code === other || (PARENTS[code] ?? []).some((parent) => isBelow(parent, other));

interface ValueSet {
  readonly id: string;
  readonly compose: object;
  readonly codes: readonly Code[];
}
const urlOf = (id: string): string => `http://example.org/codes/${id}`;
const VALUE_SETS: readonly ValueSet[] = [
  {
    id: 'listed',
    compose: { include: [listed('urn:s1', 'a', 'b'), listed('urn:s2', 'c', '1')] },
    codes: [s1('a'), s1('b'), { system: 'urn:s2', code: 'c' }, { system: 'urn:s2', code: '1' }],
  },
  {
    id: 'whole',
    compose: { include: [{ system: 'urn:s1' }], exclude: [listed('urn:s1', 'c')] },
    codes: ALL.filter(({ code }) => code !== 'c'),
  },
  {
    id: 'filtered',
    compose: { include: [{ system: 'urn:s1', filter: [{ property: 'concept', op: 'is-a', value: 'b' }] }] },
    codes: [s1('b'), s1('c')],
  },
  { id: 'both', compose: { include: [{ valueSet: [urlOf('listed'), urlOf('whole')] }] }, codes: [s1('a'), s1('b')] },
];

/** To be stored beside the others. */
export const TERMINOLOGY: readonly Resource[] = [
  { resourceType: 'CodeSystem', id: 's1', url: 'urn:s1', status: 'active', content: 'complete', concept: ['a', '1'].map(conceptOf) },
  ...VALUE_SETS.map(({ id, compose }) => ({ resourceType: 'ValueSet', id, url: urlOf(id), status: 'active', compose })),
];

export const SETS: readonly string[] = VALUE_SETS.flatMap(({ id }) => [urlOf(id), `ValueSet/${id}`]);
export const PLACES: readonly string[] = ALL.map(({ system, code }) => `${system}|${code}`);

/** Whether a coding is one of those that a modifier and its value mean. */
export const isMeant = (
  { system, code }: { readonly system?: string; readonly code?: string },
  modifier: string,
  asked: string,
): boolean => {
  if (modifier === 'in') {
    const set = VALUE_SETS.find(({ id }) => asked === urlOf(id) || asked === `ValueSet/${id}`)!;
    return set.codes.some((each) => each.system === system && each.code === code);
  }
  if (system !== 'urn:s1' || code === undefined || !(code in PARENTS)) return false;
  const other = asked.split('|')[1]!;
  return modifier === 'below' ? isBelow(code, other) : isBelow(other, code);
};
