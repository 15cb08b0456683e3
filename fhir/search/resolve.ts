/** What has to be looked up before a search can be compiled: the codes that value sets and hierarchies stand for. */
import { splitUnescaped, unescapeValue } from './parameter/escape.ts';
import { badValue } from './parsing.ts';
import type { Branch, CodesTest, Criterion, Test } from './request.ts';
import type { SearchTerminology } from '../terminology/for-search.ts';
import type { Coding } from '../terminology/terminology.ts';

export const resolveBranches = (branches: readonly Branch[], terminology: SearchTerminology): Promise<Branch[]> =>
  Promise.all(branches.map(async ({ type, criteria }) => ({ type, criteria: await resolveAll(criteria, terminology) })));

const resolveAll = (criteria: readonly Criterion[], terminology: SearchTerminology): Promise<Criterion[]> =>
  Promise.all(criteria.map((each) => resolve(each, terminology)));

const resolve = async ({ name, test }: Criterion, terminology: SearchTerminology): Promise<Criterion> => ({
  name,
  test: await resolveTest(name, test, terminology),
});

const resolveTest = async (name: string, test: Test, terminology: SearchTerminology): Promise<Test> => {
  switch (test.kind) {
    case 'codes':
      return { ...test, codes: await codesOf(name, test, terminology) };
    case 'and':
    case 'or':
      return { ...test, criteria: await resolveAll(test.criteria, terminology) };
    case 'not':
    case 'has':
      return { ...test, criterion: await resolve(test.criterion, terminology) };
    case 'chain': {
      const targets = test.targets.map(async (target) => ({ ...target, criterion: await resolve(target.criterion, terminology) }));
      return { ...test, targets: await Promise.all(targets) };
    }
    default:
      return test;
  }
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
