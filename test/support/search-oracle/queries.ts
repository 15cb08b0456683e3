/** Searches at random: of what the resources hold, or nearly. */
import { type Criterion, valuesFor, type World } from './evaluate.ts';
import { PLACES, SETS } from './codes.ts';
import type { Filter } from './filter.ts';
import type { Include } from './include.ts';
import { type Part, partsIn } from './composite.ts';
import { type Parameter, parametersOf, PATIENT_COMPARTMENT, type Value } from './parameters.ts';
import { createDice, type Dice } from './random.ts';
import { type Resource, TYPES } from './resources.ts';
import type { Contained, Query } from './query.ts';
import { plain, unescaped } from './text.ts';
import { type Written, written } from './written.ts';

interface Used {
  readonly parameter: Parameter;
  readonly values: readonly Value[];
}

/** The parameters of a type that some resource has a value of, by their kinds. */
const usedOf = (world: World, type: string): ReadonlyMap<Parameter['type'], readonly Used[]> => {
  const known = USED.get(world) ?? new Map<string, ReadonlyMap<Parameter['type'], readonly Used[]>>();
  USED.set(world, known);
  const resources = world.resources.filter(({ resourceType }) => resourceType === type);
  const used =
    known.get(type) ??
    Map.groupBy(
      [...parametersOf(type).values()]
        .map((parameter) => ({ parameter, values: resources.flatMap((each) => valuesFor(each, parameter)) }))
        .filter(
          ({ parameter, values }) => values.length > 0 && (parameter.type !== 'composite' || instancesOf(resources, parameter).length > 0),
        ),
      ({ parameter }) => parameter.type,
    );
  known.set(type, used);
  return used;
};
const USED = new WeakMap<World, Map<string, ReadonlyMap<Parameter['type'], readonly Used[]>>>();

/** Each kind as often as the others, and those that all resources have seldom. */
const pickUsed = (kinds: readonly (readonly Used[])[], dice: Dice): Used => {
  const isCommon = dice.chance(8);
  const fitting = kinds.map((used) => used.filter(({ parameter }) => parameter.code.startsWith('_') === isCommon));
  const some = fitting.filter((used) => used.length > 0);
  return dice.pick(dice.pick(some.length > 0 ? some : kinds));
};

/** By a parameter of the type itself. */
const plainCriterion = (world: World, type: string, dice: Dice): Criterion => {
  const { parameter, values } = pickUsed([...usedOf(world, type).values()], dice);
  return byParameter({ parameter, values }, { world, type, dice });
};

/** Alternatives share its modifier. */
const byParameter = (
  { parameter, values }: Used,
  { world, type, dice }: { readonly world: World; readonly type: string; readonly dice: Dice },
): Criterion => {
  if (parameter.type === 'composite') return { name: parameter.code, value: compositeText(world, type, parameter, dice) };
  if (dice.chance(6)) return { name: `${parameter.code}:missing`, value: dice.pick(['true', 'false']) };
  const first = written(dice.pick(values), parameter, dice);
  const texts = [first.text];
  for (let more = dice.chance(25) ? 1 + dice.below(2) : 0; more > 0; more--) {
    const other = written(dice.pick(values), parameter, dice);
    if (other.modifier === first.modifier) texts.push(other.text);
  }
  return { name: first.modifier === undefined ? parameter.code : `${parameter.code}:${first.modifier}`, value: texts.join(',') };
};

const withoutModifier = (value: Value, parameter: Parameter, dice: Dice): string => {
  let found: Written;
  do found = written(value, parameter, dice);
  // A composite takes 80 characters at most.
  while (found.modifier !== undefined || plain(found.text).length > 80);
  return found.text;
};

/** Those with a value of each part. */
const instancesOf = (resources: readonly Resource[], parameter: Parameter): Part[][] =>
  resources.flatMap((each) => partsIn(each, parameter)).filter((parts) => parts.every(({ values }) => values.length > 0));

/** Of the parts of one instance mostly, so that something is found. */
const compositeText = (world: World, type: string, parameter: Parameter, dice: Dice): string => {
  const instances = instancesOf(
    world.resources.filter(({ resourceType }) => resourceType === type),
    parameter,
  );
  const one = dice.pick(instances);
  return one
    .map((part, i) => withoutModifier(dice.pick((dice.chance(70) ? part : dice.pick(instances)[i]!).values), part.parameter, dice))
    .join('$');
};

/** Whether an untyped chain may go on with it: the same kind of parameter, wherever it leads. */
const isSameEverywhere = ({ name }: Criterion, targets: readonly string[]): boolean => {
  if (/[:.]/.test(name)) return false;
  return new Set(targets.flatMap((each) => parametersOf(each).get(name)?.type ?? [])).size === 1;
};

const chained = (world: World, type: string, dice: Dice, depth: number): Criterion | undefined => {
  const references = (usedOf(world, type).get('reference') ?? []).filter(({ parameter }) => targetsIn(parameter).length > 0);
  if (references.length === 0) return undefined;
  const { parameter } = dice.pick(references);
  const target = dice.pick(targetsIn(parameter));
  const rest = criterionOf(world, target, dice, depth + 1);
  const isTyped = !isSameEverywhere(rest, parameter.targets) || dice.chance(50);
  return { name: `${parameter.code}${isTyped ? `:${target}` : ''}.${rest.name}`, value: rest.value };
};
const targetsIn = ({ targets }: Parameter): string[] => targets.filter((each) => TYPES.includes(each));

const reversed = (world: World, type: string, dice: Dice, depth: number): Criterion | undefined => {
  const sources = TYPES.flatMap((source) => (usedOf(world, source).get('reference') ?? []).map(({ parameter }) => ({ source, parameter })));
  const pointing = sources.filter(({ parameter }) => parameter.targets.includes(type));
  if (pointing.length === 0) return undefined;
  const { source, parameter } = dice.pick(pointing);
  const rest = criterionOf(world, source, dice, depth + 1);
  return { name: `_has:${source}:${parameter.code}:${rest.name}`, value: rest.value };
};

const MAX_DEPTH = 2;

export const criterionOf = (world: World, type: string, dice: Dice, depth = 0): Criterion => {
  const kind = dice.below(100);
  if (kind < 4) return { name: dice.pick(['_id', '_id', '_id:not']), value: dice.some(3, () => `x${dice.below(30)}`).join(',') || 'x0' };
  const found =
    depth >= MAX_DEPTH
      ? undefined
      : kind < 24
        ? chained(world, type, dice, depth)
        : kind < 40
          ? reversed(world, type, dice, depth)
          : undefined;
  return found ?? plainCriterion(world, type, dice);
};

const NUMERIC = ['eq', 'gt', 'lt', 'ge', 'le', 'ap', 'sa', 'eb'];
const OPERATORS: Readonly<Partial<Record<Parameter['type'], readonly string[]>>> = {
  string: ['eq', 'ne', 'co', 'sw', 'ew'],
  token: ['eq', 'eq', 'ne'],
  uri: ['eq', 'ne', 'co', 'sw', 'ew', 'ss', 'sb'],
  reference: ['eq', 're'],
  date: [...NUMERIC, 'ne'],
  number: [...NUMERIC, 'ne'],
  quantity: NUMERIC,
};

const filterTest = (world: World, type: string, dice: Dice): Filter => {
  const kinds = [...usedOf(world, type).values()].map((used) => used.filter(({ parameter }) => parameter.type in OPERATORS));
  const { parameter, values } = pickUsed(
    kinds.filter((used) => used.length > 0),
    dice,
  );
  const test = (operator: string, value: string): Filter => ({ kind: 'test', code: parameter.code, operator, value });
  if (dice.chance(8)) return test('pr', dice.pick(['true', 'false']));
  const value = dice.pick(values);
  if (value.type.startsWith('Cod') && dice.chance(15))
    return dice.chance(50) ? test(dice.pick(['in', 'ni']), dice.pick(SETS)) : test(dice.pick(['ss', 'sb']), dice.pick(PLACES));
  const operator = dice.pick(OPERATORS[parameter.type]!);
  const text = withoutModifier(value, parameter, dice);
  const isPrefixed = parameter.type === 'date' || parameter.type === 'number' || parameter.type === 'quantity';
  // Bars in codes can't be written in a filter.
  if (/\\\|/.test(text) && parameter.type === 'token') return test('pr', 'true');
  if (parameter.type === 'string') {
    const whole = unescaped(text);
    const isShort = operator === 'co' || operator === 'ew' || dice.chance(50);
    if (!isShort) return test(operator, whole);
    return test(operator, [...whole].slice(...(operator === 'ew' ? [-30] : [0, 30])).join(''));
  }
  return test(operator, isPrefixed ? text.replace(/^[a-z]{2}(?=[-\d])/, '') : unescaped(text));
};

const filterOf = (world: World, type: string, dice: Dice, depth = 0): Filter => {
  const kind = depth > 2 ? 9 : dice.below(10);
  if (kind > 4) return filterTest(world, type, dice);
  if (kind === 4) return { kind: 'not', of: filterOf(world, type, dice, depth + 1) };
  const [one, other] = [filterOf(world, type, dice, depth + 1), filterOf(world, type, dice, depth + 1)];
  return { kind: dice.pick(['and', 'or']), one, other };
};

/** By one key or two. */
const sortOf = (world: World, type: string, dice: Dice): string => {
  const used = usedOf(world, type);
  const kinds = [...used].flatMap(([kind, own]) => (kind === 'composite' ? [] : [own]));
  const keys = dice
    .some(1, () => 0)
    .concat(0)
    .map(() => (dice.chance(5) ? '_id' : pickUsed(kinds, dice).parameter.code));
  return keys.map((code) => `${dice.pick(['', '-'])}${code}`).join(',');
};

/** By what each of the types has. */
const sorted = (world: World, types: readonly string[], dice: Dice): Pick<Query, 'sort'> => {
  if (!dice.chance(20)) return {};
  const sort = sortOf(world, types[0]!, dice);
  const codes = sort.split(',').map((each) => each.replace(/^-/, ''));
  const kindsOf = (code: string): Set<string | undefined> => new Set(types.map((type) => parametersOf(type).get(code)?.type));
  return codes.every((code) => code === '_id' || kindsOf(code).size === 1) ? { sort } : {};
};

/** What leads on from the type, or to it; with :iterate from anywhere. */
const includeOf = (world: World, type: string, dice: Dice): Include[] => {
  const [isReverse, iterates] = [dice.chance(50), dice.chance(30)];
  const all = TYPES.flatMap((source) => (usedOf(world, source).get('reference') ?? []).map(({ parameter }) => ({ source, parameter })));
  const fitting = all.filter(({ source, parameter }) => (isReverse ? parameter.targets.includes(type) : iterates || source === type));
  if (fitting.length === 0) return [];
  const { source, parameter } = dice.pick(fitting);
  const targets = targetsIn(parameter);
  const target = targets.length > 0 && dice.chance(30) ? dice.pick(targets) : undefined;
  return [{ isReverse, iterates, source, code: parameter.code, target }];
};

/** Beside the type itself those that have the same parameters, so that one search may look in all of them. */
const typesWith = (type: string, criteria: readonly Criterion[], dice: Dice): string[] => {
  // A system isn't named, for in some of the types it may be implied.
  if (criteria.some(({ value }) => value.includes('|'))) return [type];
  if (criteria.some(({ name }) => /\.|^_has|:(?:text|of-type|above|below|in|not-in)$/.test(name))) return [type];
  const isFor = (other: string): boolean =>
    criteria.every(({ name }) => {
      const [code = ''] = name.split(':');
      const [own, its] = [parametersOf(type).get(code), parametersOf(other).get(code)];
      return code === '_id' || (its?.type === own?.type && own?.type !== 'composite' && its?.targets.join() === own?.targets.join());
    });
  return [...new Set([type, ...dice.some(3, () => dice.pick(TYPES)).filter(isFor)])];
};

/** What one resource has, so that several criteria find something together; often a patient and a code, which have an index together. */
const criteriaOfOne = (world: World, type: string, dice: Dice): Criterion[] => {
  const one = dice.pick(world.resources.filter(({ resourceType }) => resourceType === type));
  const all = [...parametersOf(type).values()].filter((parameter) => parameter.type !== 'composite');
  const own = all.map((parameter) => ({ parameter, values: valuesFor(one, parameter) })).filter(({ values }) => values.length > 0);
  const pair = own.filter(({ parameter: { code } }) => ['patient', 'subject', 'code', 'date'].includes(code));
  const from = pair.length > 1 && dice.chance(50) ? pair : own;
  if (from.length === 0) return [];
  return Array.from({ length: 2 + dice.below(2) }, () => byParameter(dice.pick(from), { world, type, dice }));
};

const containedQuery = (world: World, dice: Dice): Query => {
  const type = dice.pick(['Medication', 'Observation', 'Location', 'Patient']);
  const contained: Contained = { found: dice.pick(['true', 'both']), shown: dice.pick(['container', 'contained']) };
  const criteria = dice
    .some(1, () => 0)
    .concat(0)
    .map(() => plainCriterion(world, type, dice));
  const isPaged = dice.chance(30);
  return {
    types: [type],
    contained,
    criteria,
    ...(isPaged && { count: 1 + dice.below(5) }),
    isCounted: dice.chance(10),
    isPosted: false,
    includes: [],
  };
};

export const makeQuery = (world: World, seed: number, n: number): Query => {
  const dice = createDice(seed, 2, n);
  const type = dice.pick(TYPES);
  const filter = dice.chance(10) ? filterOf(world, type, dice) : undefined;
  const isOfOne = filter === undefined && dice.chance(20);
  const many = dice.pick(filter === undefined ? [0, 1, 1, 1, 1, 1, 2] : [0, 0, 0, 1]);
  const criteria = isOfOne ? criteriaOfOne(world, type, dice) : Array.from({ length: many }, () => criterionOf(world, type, dice));
  const isPaged = dice.chance(15);
  const isOfPatient = dice.chance(10) && PATIENT_COMPARTMENT.has(type);
  const types = isOfPatient || filter !== undefined || dice.chance(80) ? [type] : typesWith(type, criteria, dice);
  if (dice.chance(8)) return containedQuery(world, dice);
  return {
    types,
    ...(isOfPatient && { patient: `x${dice.below(10)}` }),
    criteria,
    ...(filter !== undefined && { filter }),
    ...sorted(world, types, dice),
    ...(isPaged && { count: 1 + dice.below(9) }),
    isCounted: dice.chance(10),
    isPosted: dice.chance(10),
    includes: !isPaged && dice.chance(20) ? dice.some(3, () => includeOf(world, type, dice)).flat() : [],
  };
};
