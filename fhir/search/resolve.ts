/** What has to be looked up before a search can be compiled: the codes that value sets and hierarchies stand for, and lists by their function. */
import { isFunctional } from './functional-list.ts';
import { splitUnescaped, unescapeValue } from './parameter/escape.ts';
import { badValue } from './parsing.ts';
import type { Branch, CodesTest, Criterion, ListTest, Test } from './request.ts';
import type { SearchTerminology } from '../terminology/for-search.ts';
import type { Coding } from '../terminology/terminology.ts';

export interface Lookups {
  readonly terminology: SearchTerminology;
  /** The id of the List that serves a function for a patient; undefined where there is none. */
  readonly currentList: (name: string, patient: string) => Promise<string | undefined>;
}

export const resolveBranches = (branches: readonly Branch[], lookups: Lookups): Promise<Branch[]> =>
  Promise.all(branches.map(async ({ type, criteria }) => ({ type, criteria: await resolveAll(criteria, lookups) })));

const resolveAll = (criteria: readonly Criterion[], lookups: Lookups): Promise<Criterion[]> =>
  Promise.all(criteria.map((each) => resolve(each, lookups)));

const resolve = async ({ name, test }: Criterion, lookups: Lookups): Promise<Criterion> => ({
  name,
  test: await resolveTest(name, test, lookups),
});

const resolveTest = async (name: string, test: Test, lookups: Lookups): Promise<Test> => {
  switch (test.kind) {
    case 'codes':
      return { ...test, codes: await codesOf(name, test, lookups.terminology) };
    case 'list':
      return { ...test, values: await listsOf(test, lookups) };
    case 'and':
    case 'or':
      return { ...test, criteria: await resolveAll(test.criteria, lookups) };
    case 'not':
    case 'has':
      return { ...test, criterion: await resolve(test.criterion, lookups) };
    case 'chain': {
      const targets = test.targets.map(async (target) => ({
        ...target,
        criterion: await resolve(target.criterion, lookups),
        inside: target.inside && (await resolve(target.inside, lookups)),
      }));
      return { ...test, targets: await Promise.all(targets) };
    }
    default:
      return test;
  }
};

const listsOf = async ({ values, patient }: ListTest, { currentList }: Lookups): Promise<string[]> => {
  const found = await Promise.all(values.map((value) => (isFunctional(value) ? currentList(value, patient!) : value)));
  return found.filter((id) => id !== undefined);
};

const MAX_CODES = 50_000;

const codesOf = async (name: string, { modifier, values }: CodesTest, terminology: SearchTerminology): Promise<Coding[]> => {
  const found: Coding[] = [];
  const add = (codes: readonly Coding[]): void => {
    if (found.length + codes.length > MAX_CODES) throw badValue(name, `${name}: more than ${MAX_CODES} codes are meant: narrow it down`);
    found.push(...codes);
  };
  for (const written of values) {
    if (modifier === 'in' || modifier === 'not-in') {
      add(await terminology.expand(unescapeValue(written), name));
    } else {
      const [first = '', second, more] = splitUnescaped(written, '|').map(unescapeValue);
      if (more !== undefined || (second ?? first) === '') throw badValue(name, `${name}: write code or system|code`);
      const code = { system: second === undefined ? '' : first, code: second ?? first };
      add(await terminology.related(code, modifier, name));
    }
  }
  return found;
};
