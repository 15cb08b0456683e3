/**
 * Invariants in FHIRPath, by the engine of the fhirpath package: it is loaded when the first resource is checked, since it costs 200 ms and
 * 30 MB. Source: http://hl7.org/fhir/R4/conformance-rules.html#constraints
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { InvariantData, Invariants } from '../definitions/data-file.ts';
import type { Registry } from '../definitions/registry.ts';
import { isObject, type Json } from '../json/value.ts';
import { CHECKED_KEYS } from './datatype-rules.ts';
import { type Findings } from './findings.ts';

const DATA_FILE = new URL('../definitions/data/r4-invariants.json', import.meta.url);

/** Rules that can't be run as R4 wrote them, and why; $validate says so where they apply. */
export const UNCHECKABLE: Readonly<Record<string, string>> = {};

/** Evaluates one rule on a value; throws where the engine can't. */
export type Evaluate = (
  value: unknown,
  context: { readonly resource: unknown; readonly rootResource: unknown; readonly extension?: unknown },
) => boolean;

export interface Invariant extends InvariantData {
  readonly holds: Evaluate;
}

export interface InvariantChecker {
  /** Adds an issue for each rule of the base definitions that a resource breaks. */
  check(resource: Json, findings: Findings): void;
  /** A rule on values of a type or at an element's path, such as `Patient.contact`. */
  compile(rule: InvariantData, base: string): Invariant;
}

// The engine knows the type of a resource only as a node of its own, which it makes as it made this one.
const nodeOf = (sibling: unknown, resource: Json): unknown => {
  const { constructor: Node, ctx } = sibling as { constructor: new (ctx: unknown, data: unknown) => unknown; ctx: unknown };
  return new Node(ctx, resource);
};

interface Plan {
  readonly rules: readonly Invariant[];
  readonly properties: ReadonlyMap<string, { readonly rules: readonly Invariant[]; readonly plan: () => Plan | undefined }>;
}

/** What rules may ask besides the resource itself; both throw where it can't be told. Source: http://hl7.org/fhir/R4/fhirpath.html#functions */
export interface Beyond {
  /** Of a code, Coding or CodeableConcept. */
  readonly memberOf: (value: unknown, valueSet: string) => boolean;
  readonly conformsTo: (resource: Json, profile: string) => boolean;
}

/** Source: http://hl7.org/fhir/R4/fhirpath.html#variables */
const VARIABLES = { sct: 'http://snomed.info/sct', loinc: 'http://loinc.org' };
const NAMED = /%[`'"]?(vs|ext)-([A-Za-z0-9\-.]+)/g;
const FOLDERS: Readonly<Record<string, string>> = { vs: 'ValueSet', ext: 'StructureDefinition' };

/** The variables of an expression that R4 defines, such as %`vs-languages`. */
const variablesOf = (expression: string): Readonly<Record<string, string>> =>
  expression.includes('%')
    ? {
        ...VARIABLES,
        ...Object.fromEntries(
          [...expression.matchAll(NAMED)].map(([, kind, name]) => [`${kind}-${name}`, `http://hl7.org/fhir/${FOLDERS[kind!]}/${name}`]),
        ),
      }
    : {};

const readInvariants = (): Invariants => JSON.parse(readFileSync(DATA_FILE, 'utf8')) as Invariants;

/** The keys of the rules that every resource is checked for, profile or not. */
export const baseRuleKeys = (): ReadonlySet<string> =>
  new Set([
    ...CHECKED_KEYS,
    ...Object.values(readInvariants())
      .flat()
      .map(({ key }) => key),
  ]);

export const loadInvariants = (registry: Registry, beyond?: Beyond): InvariantChecker => {
  // Not imported, so that a write can be checked without waiting for a module.
  const require = createRequire(import.meta.url);
  const fhirpath = require('fhirpath') as typeof import('fhirpath');
  const model = require('fhirpath/fhir-context/r4') as import('fhirpath').Model;
  const data = readInvariants();

  // Only what the resource itself contains is looked up: nothing is fetched to validate.
  const resolve = (inputs: unknown[], root: unknown): unknown[] => {
    const contained = isObject(root) && Array.isArray(root['contained']) ? root['contained'].filter(isObject) : [];
    return inputs.flatMap((input) => {
      const value: unknown = fhirpath.util.valData(input);
      const reference = isObject(value) ? value['reference'] : value;
      return contained.filter(({ id }) => reference === `#${String(id)}`).map((resource) => nodeOf(input, resource));
    });
  };

  const told =
    (ask: Beyond['memberOf']) =>
    (inputs: unknown[], url: string): unknown[] =>
      inputs.map((input) => ask(fhirpath.util.valData(input), url));

  const compile = (rule: InvariantData, base: string): Invariant => {
    let root: unknown;
    const options = {
      userInvocationTable: {
        resolve: { fn: (inputs: unknown[]) => resolve(inputs, root), arity: { 0: [] }, internalStructures: true },
        // The engine's own would print what is traced, which is patient data.
        trace: { fn: (inputs: unknown[]) => inputs, arity: { 0: [], 1: ['String'], 2: ['String', 'Expr'] }, internalStructures: true },
        matches: { fn: matches, arity: { 1: ['String'] } },
        ...(beyond && {
          memberOf: { fn: told(beyond.memberOf), arity: { 1: ['String'] }, internalStructures: true },
          conformsTo: { fn: told(beyond.conformsTo as Beyond['memberOf']), arity: { 1: ['String'] }, internalStructures: true },
        }),
      },
    };
    const variables = variablesOf(rule.expression);
    let compiled: ((value: unknown, variables: object) => unknown[]) | undefined;
    return {
      ...rule,
      holds: (value, { resource, rootResource, extension }) => {
        root = rootResource;
        compiled ??= fhirpath.compile({ base, expression: rule.expression }, model, options as object) as NonNullable<typeof compiled>;
        // Version 5.2.2 takes no bare number to start from.
        const start = typeof value === 'number' ? fhirpath.FP_Decimal.getDecimal(value) : value;
        const result = compiled(start, { ...variables, resource, rootResource, ...(extension !== undefined && { extension }) });
        // What comes out empty says nothing of the value, such as a rule for dates of a value that is none.
        return result.length === 0 || result[0] === true;
      },
    };
  };

  // R4's own patterns hold escapes that a pattern of Unicode mode refuses, as the engine's is.
  const matches = (inputs: unknown[], pattern: string): unknown[] =>
    inputs.map((input) => new RegExp(pattern, 's').test(String(fhirpath.util.valData(input))));

  const plans = new Map<string, Plan | undefined>();
  const planOf = (name: string): Plan | undefined => {
    if (plans.has(name)) return plans.get(name);
    const type = registry.type(name);
    if (type === undefined) return undefined;
    const chain: string[] = [];
    for (let current: string | undefined = name; current !== undefined; current = registry.type(current)?.base) chain.push(current);
    const rules = chain.flatMap((each) => (data[each] ?? []).map((rule) => compile(rule, name)));
    const properties = new Map(
      type.elements.flatMap((element) =>
        element.types.map((each) => {
          const key = element.isChoice ? element.name + each.charAt(0).toUpperCase() + each.slice(1) : element.name;
          // The engine tells the type of a choice by its member.
          const path = `${name}.${element.name}${element.isChoice ? '[x]' : ''}`;
          const own = path === each ? [] : (data[path] ?? []).map((rule) => compile(rule, `${name}.${key}`));
          return [key, { rules: own, plan: () => planOf(each) }] as const;
        }),
      ),
    );
    const plan = { rules, properties };
    plans.set(name, plan);
    return plan;
  };

  const run = (rules: readonly Invariant[], value: unknown, findings: Findings, scope: Scope): void => {
    for (const rule of rules) runInvariant(rule, value, findings, scope);
  };

  const walk = (value: Json, plan: Plan, findings: Findings, scope: Scope): void => {
    run(plan.rules, value, findings, scope);
    for (const [key, member] of Object.entries(value)) {
      const property = plan.properties.get(key);
      if (property === undefined) continue;
      findings.path.push(key);
      if (Array.isArray(member)) {
        for (const [i, item] of member.entries()) {
          findings.path.push(i);
          visit(item, property, findings, scope);
          findings.path.pop();
        }
      } else visit(member, property, findings, scope);
      findings.path.pop();
    }
  };

  const visit = (
    value: unknown,
    { rules, plan }: NonNullable<ReturnType<Plan['properties']['get']>>,
    findings: Findings,
    scope: Scope,
  ): void => {
    if (value === null) return;
    run(rules, value, findings, scope);
    if (!isObject(value)) return;
    if (typeof value['resourceType'] === 'string') checkResource(value, findings, scope);
    else {
      const next = plan();
      if (next !== undefined) walk(value, next, findings, scope);
    }
  };

  const checkResource = (value: Json, findings: Findings, outer: Scope | undefined): void => {
    const plan = planOf(value['resourceType'] as string);
    // What is contained has the container for its root; what is in a Bundle stands for itself.
    const isContained = findings.path.at(-2) === 'contained';
    if (plan !== undefined) walk(value, plan, findings, { resource: value, rootResource: isContained ? outer?.rootResource : value });
  };

  return { compile, check: (resource, findings) => checkResource(resource, findings, undefined) };
};

export interface Scope {
  readonly resource: unknown;
  readonly rootResource: unknown;
}

/** Adds an issue where a value breaks a rule, and a note where the engine can't tell. */
export const runInvariant = ({ key, severity, human, holds }: Invariant, value: unknown, findings: Findings, scope: Scope): void => {
  const reason = UNCHECKABLE[key];
  let holding: boolean | undefined;
  try {
    if (reason === undefined) holding = holds(value, scope);
  } catch {
    // Told below.
  }
  if (holding === undefined)
    findings.report('information', 'not-supported', `${key} was not checked (${reason ?? 'the FHIRPath engine failed on it'}): ${human}`);
  else if (!holding) findings.report(severity, 'invariant', `${human} (${key})`);
};
