/**
 * The FHIRPath that R4's search parameters are written in, compiled to closures: steps by name, ofType(), where() on a code or on the
 * type of a reference, an index, and one boolean. Source: http://hl7.org/fhir/R4/searchparameter.html, http://hl7.org/fhirpath/
 */
import type { Json } from '../json/value.ts';
import { existsPath, type JsonPath, jsonPathsOf } from './json-path.ts';
import type { Registry } from './registry.ts';
import { leadsTo, propertyOf, type Step } from './step.ts';

/** Called with each value that a path finds and its FHIR type. */
export type Emit = (value: unknown, fhirType: string) => void;

export interface CompiledPath {
  /** The same text for the same elements, whichever parameter asks for them. */
  readonly key: string;
  /** What can come out. */
  readonly types: readonly string[];
  readonly select: (resource: unknown, emit: Emit) => void;
  /** The same for a resource that lies in the database; absent where the path has no such form. */
  readonly jsonPaths?: () => readonly JsonPath[];
}

type Walk = (value: Json, emit: Emit) => void;

/** One path per branch of the union that can apply to `baseType`. Throws on what this subset doesn't know. */
export const compilePath = (expression: string, baseType: string, registry: Registry): CompiledPath[] =>
  branches(expression).flatMap((branch) => compileBranch(branch, baseType, registry) ?? []);

const branches = (expression: string): string[] =>
  expression
    .split('|')
    .map((branch) => branch.trim().replace(/^\((.*?\))\)/, '$1'))
    .filter((branch) => branch !== '');

const EXISTS = /^(\S+)\.exists\(\) and \1 != false$/;

const compileBranch = (written: string, baseType: string, registry: Registry): CompiledPath | undefined => {
  // InsurancePlan.name is written without its type: `name | alias`.
  const branch = /^[a-z]/.test(written) ? `${baseType}.${written}` : written;
  const existing = EXISTS.exec(branch)?.[1];
  const [root, ...steps] = parseSteps(existing ?? branch);
  if (root === undefined || !isA(baseType, root.name, registry)) return undefined;
  const from = root.name === 'Resource' || root.name === 'DomainResource' ? root.name : baseType;
  const { types, walk } = compileSteps(from, steps, { registry, known: new Map() });
  const jsonPaths = (): readonly JsonPath[] => jsonPathsOf(from, steps, registry);
  if (existing === undefined) return { key: branch, types, select: (resource, emit) => walk(resource as Json, emit), jsonPaths };
  return {
    key: branch,
    types: ['boolean'],
    jsonPaths: () => existsPath(jsonPaths()),
    select: (resource, emit) => {
      let found = false;
      walk(resource as Json, (value) => (found ||= value !== false));
      emit(found, 'boolean');
    },
  };
};

/** Whether a type is another one or derived from it. */
export const isA = (type: string, name: string, registry: Registry): boolean => {
  for (let current: string | undefined = type; current !== undefined; current = registry.type(current)?.base)
    if (current === name) return true;
  return false;
};

// At points between steps: not within the parentheses of a function.
const parseSteps = (path: string): Step[] => {
  const steps: Step[] = [];
  const parts = path.match(/[^.(]+(?:\((?:[^()]|\([^()]*\))*\))?/g) ?? [];
  if (parts.join('.') !== path) throw new Error(`"${path}" is no path: write names with points between them`);
  for (const part of parts) {
    const last = steps.at(-1);
    const [, argument] = /^\w+\((.*)\)$/.exec(part) ?? [];
    if (argument === undefined) {
      const [, name, index] = /^(\w+)(?:\[(\d+)\])?$/.exec(part) ?? [];
      if (name === undefined) throw new Error(`"${path}": "${part}" is no step this server knows`);
      steps.push({ name, ...(index !== undefined && { index: Number(index) }) });
    } else if (last !== undefined && part.startsWith('ofType(')) steps[steps.length - 1] = { ...last, ofType: argument };
    else if (last !== undefined && part.startsWith('where(')) steps[steps.length - 1] = narrowed(last, parseWhere(argument, path), path);
    else throw new Error(`"${path}": "${part}" is no function this server knows`);
  }
  return steps;
};

/** A step with a further condition: the ones that it has still hold. */
const narrowed = (step: Step, { where, resolvesTo }: Pick<Step, 'where' | 'resolvesTo'>, path: string): Step => {
  if (resolvesTo === undefined) return { ...step, where: [...(step.where ?? []), ...(where ?? [])] };
  if (step.resolvesTo !== undefined) throw new Error(`"${path}": nothing is of two resource types`);
  return { ...step, resolvesTo };
};

const parseWhere = (condition: string, path: string): Pick<Step, 'where' | 'resolvesTo'> => {
  const resolvesTo = /^resolve\(\) is (\w+)$/.exec(condition)?.[1];
  if (resolvesTo !== undefined) return { resolvesTo };
  const where = condition.split(/(?<=') and (?=\w)/).map((part) => {
    const [, element, equals] = /^(\w+)='([^']*)'$/.exec(part) ?? [];
    if (element === undefined || equals === undefined) throw new Error(`"${path}": where(${condition}) is no condition this server knows`);
    return { element, equals };
  });
  return { where };
};

interface Compiled {
  readonly types: string[];
  readonly walk: Walk;
}

interface Compiling {
  readonly registry: Registry;
  /** By type and number of steps left: extensions within extensions lead to the same types over and over. */
  readonly known: Map<string, Compiled>;
}

const compileSteps = (type: string, steps: readonly Step[], compiling: Compiling): Compiled => {
  const name = `${type} ${steps.length}`;
  let compiled = compiling.known.get(name);
  if (compiled === undefined) compiling.known.set(name, (compiled = compileFirst(type, steps, compiling)));
  return compiled;
};

const compileFirst = (type: string, steps: readonly Step[], compiling: Compiling): Compiled => {
  const { registry } = compiling;
  const [step, ...rest] = steps;
  if (step === undefined) return { types: [type], walk: (value, emit) => emit(value, type) };
  const element = registry.type(type)?.element.get(step.name);
  if (element === undefined) throw new Error(`${type} has no element ${step.name}`);
  const { types: chosen, where } = leadsTo(step, element.types, registry);
  for (const { element: name } of step.where ?? [])
    if (chosen.length > 0 && !chosen.some((each) => registry.type(each)?.element.has(name)))
      throw new Error(`${chosen.slice(0, 3).join(', ')} has no element ${name}`);
  const keep = filterOf({ ...step, where });
  const branchesOfStep = chosen.map((each) => {
    const property = propertyOf(element, each, rest[0], registry);
    const next = compileNext(each, rest, compiling);
    const walk: Walk = (value, emit) => {
      const found = value[property];
      if (found === undefined || found === null) return;
      if (!Array.isArray(found)) {
        if (keep(found)) next.walk(found as Json, emit);
        return;
      }
      const items: readonly unknown[] = step.index === undefined ? found : found.slice(step.index, step.index + 1);
      for (const item of items) if (item !== null && keep(item)) next.walk(item as Json, emit);
    };
    return { types: next.types, walk };
  });
  const [only] = branchesOfStep;
  return {
    types: [...new Set(branchesOfStep.flatMap((each) => each.types))],
    walk:
      branchesOfStep.length === 1
        ? only!.walk
        : (value, emit) => {
            for (const { walk } of branchesOfStep) walk(value, emit);
          },
  };
};

// A choice may hold types without the element that the path goes on to, such as primitives.
const compileNext = (type: string, rest: readonly Step[], compiling: Compiling): Compiled => {
  const [next] = rest;
  if (next !== undefined && compiling.registry.type(type)?.element.get(next.name) === undefined)
    return { types: [], walk: () => undefined };
  return compileSteps(type, rest, compiling);
};

const filterOf = ({ where = [], resolvesTo }: Step): ((value: unknown) => boolean) => {
  const isKept = (value: unknown): boolean => where.every(({ element, equals }) => (value as Json)[element] === equals);
  if (resolvesTo === undefined) return isKept;
  const prefix = `${resolvesTo}/`;
  return (value) => {
    const { reference, type } = value as Json;
    const isOfType =
      type === resolvesTo || (typeof reference === 'string' && (reference.startsWith(prefix) || reference.includes(`/${prefix}`)));
    return isOfType && isKept(value);
  };
};

/** The same for an expression that starts at a value of `type`, which may be a backbone element such as `Observation.component`. */
export const compileRelativePath = (expression: string, type: string, registry: Registry): CompiledPath[] =>
  branches(expression).map((branch) => {
    const { types, walk } = compileSteps(type, parseSteps(branch), { registry, known: new Map() });
    return { key: branch, types, select: (value, emit) => walk(value as Json, emit) };
  });
