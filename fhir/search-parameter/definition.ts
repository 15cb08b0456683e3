/** What a SearchParameter resource means to this server. Source: http://hl7.org/fhir/R4/searchparameter.html */
import { isA } from '../definitions/path.ts';
import type { Registry, SearchParameter, SearchParameterType } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { type AddedParameter, createAddedPlan } from '../search/index-plan.ts';
import { normalPath } from './normal-path.ts';

/** All that indexing goes by; the same text for the same meaning. */
export interface Definition {
  readonly parameter: SearchParameter;
  readonly bases: readonly string[];
  /** As their definitions were when this one was accepted: what is extracted must not change by itself. */
  readonly components?: readonly SearchParameter[];
}

/** Who else is there: those that other SearchParameters define. */
export interface OtherParameter extends Definition {
  /** Of the SearchParameter resource; of a package's the url. */
  readonly id: string;
  /** Name and version of the package that it is from. */
  readonly package?: string;
}

/** How a message calls who has defined a parameter. */
export const ownerOf = ({ id, package: label }: Pick<OtherParameter, 'id' | 'package'>): string =>
  label === undefined ? `SearchParameter/${id}` : `the package ${label}`;

export interface DefinitionContext {
  readonly registry: Registry;
  readonly baseUrl: string;
  readonly others: readonly OtherParameter[];
}

/** The specification asks that the codes of one's own begin with a hyphen. Source: http://hl7.org/fhir/R4/search.html#conformance */
const CODE = /^(?=.{1,64}$)-?[A-Za-z][A-Za-z0-9-]*$/;
const ABSTRACT = ['Resource', 'DomainResource'];
const TYPES: ReadonlySet<string> = new Set(['string', 'token', 'date', 'number', 'quantity', 'reference', 'uri', 'composite']);
const MAX_EXPRESSION = 2000;
const MAX_BRANCHES = 40;
const MAX_COMPONENTS = 3;
const MAX_PARAMETERS = 500;

/** The branches of an expression that are about a type, without its name. */
const branchesOf = (expression: string, type: string): readonly string[] =>
  normalPath(expression)
    .split(' | ')
    .flatMap((branch) => {
      const [, of, path] = /^([A-Z]\w*)\.(.+)$/s.exec(branch) ?? [];
      if (of === undefined || path === undefined) return [branch];
      return of === type || ABSTRACT.includes(of) ? [path] : [];
    });

/** Whether R4's own looks, in a type, where the other one says that it looks. */
const looksThere = (own: SearchParameter, expression: unknown, type: string): boolean => {
  if (own.type === 'composite' || typeof expression !== 'string' || expression.length > MAX_EXPRESSION) return false;
  const known = branchesOf(own.expression, type);
  const asked = branchesOf(expression, type);
  return asked.length > 0 && asked.every((branch) => known.includes(branch));
};

/**
 * One of those that R4 has already, or one with its code and type that says of itself that it means the same (`derivedFrom`) or looks in the
 * same places, as guides have them for each type that they profile: writing it changes nothing.
 */
export const isStandard = (resource: Readonly<Record<string, unknown>>, registry: Registry): boolean => {
  const { url, derivedFrom, code, type, base, expression } = resource;
  const origin = String(derivedFrom).split('|', 1)[0];
  return (base as readonly string[]).every((each) => {
    const own = registry.searchParameter(each, String(code));
    if (own === undefined || own.url === url) return own !== undefined;
    return own.type === type && (own.url === origin || looksThere(own, expression, each));
  });
};

/** Undefined where it isn't active, or is one of R4's own ({@link isStandard}). Throws 422 naming the element that this server can't go by. */
export const readDefinition = (
  resource: Readonly<Record<string, unknown>>,
  { registry, baseUrl, others }: DefinitionContext,
): Definition | undefined => {
  if (resource['status'] !== 'active' || isStandard(resource, registry)) return undefined;
  const {
    id,
    url,
    code,
    type,
    base,
    target = [],
    expression,
  } = resource as { [name: string]: unknown } & {
    code: string;
    url: string;
    base: readonly string[];
    target?: readonly string[];
  };
  if (registry.searchParameterByUrl(url) !== undefined)
    throw refused('url', `${url} is the address of one of R4's own: give yours another`);
  const packaged = others.find((other) => other.package !== undefined && other.parameter.url === url);
  if (packaged !== undefined) throw refused('url', `${ownerOf(packaged)} has defined ${url} already: give yours another`);
  if (!CODE.test(code)) {
    throw refused(
      'code',
      `a code that can be searched by has a letter first, which a hyphen may precede, then letters, digits and hyphens, 64 at most`,
    );
  }
  if (!TYPES.has(String(type))) {
    throw refused(
      'type',
      `this server can't index a parameter of type ${String(type)}: use one of ${[...TYPES].join(', ')}, or status draft`,
    );
  }
  const bases = [...new Set(base)].sort();
  for (const each of bases)
    if (!ABSTRACT.includes(each) && !registry.isResourceType(each)) throw refused('base', `${each.slice(0, 60)} is no resource type of R4`);
  for (const each of target)
    if (!registry.isResourceType(each))
      throw refused('target', `${each.slice(0, 60)} is no resource type of R4 that a reference could lead to`);
  requireFree({ id, code, bases }, { registry, others });
  const components = type === 'composite' ? componentsOf(resource, { registry, others }) : undefined;
  const definition: Definition = {
    parameter: {
      code,
      type: type as SearchParameterType,
      url,
      expression: expressionOf(expression, 'expression'),
      targets: [...target].sort(),
      ...(components && { components: components.map(({ written, parameter }) => ({ definition: parameter.url, expression: written })) }),
    },
    bases,
    ...(components && { components: components.map(({ parameter }) => parameter) }),
  };
  requireIndexable(definition, { registry, baseUrl });
  return definition;
};

const refused = (element: string, diagnostics: string): FhirError =>
  new FhirError('unprocessable', diagnostics, { expression: `SearchParameter.${element}` });

const expressionOf = (value: unknown, element: string): string => {
  if (typeof value !== 'string' || value.trim() === '')
    throw refused(
      element,
      `an active parameter needs an ${element}: say by a FHIRPath expression where its values are, or write it as a draft`,
    );
  const count = value.split('|').length;
  if (value.length > MAX_EXPRESSION || count > MAX_BRANCHES)
    throw refused(element, `an expression has ${MAX_EXPRESSION} characters and ${MAX_BRANCHES} branches at most here`);
  return normalPath(value);
};

/** A base type and those derived from it. */
const typesOf = (base: string, registry: Registry): readonly string[] =>
  ABSTRACT.includes(base) ? [...ABSTRACT, ...registry.resourceTypes].filter((type) => isA(type, base, registry)) : [base];

interface Wanted {
  readonly id: unknown;
  readonly code: string;
  readonly bases: readonly string[];
}

/** Throws 422 where a type has a parameter of that code already. */
const requireFree = ({ id, code, bases }: Wanted, { registry, others }: Pick<DefinitionContext, 'registry' | 'others'>): void => {
  if (others.length >= MAX_PARAMETERS && !others.some((other) => other.id === id))
    throw refused('code', `this server indexes ${MAX_PARAMETERS} parameters of its clients at most: delete one that nobody needs`);
  for (const base of bases) {
    for (const type of typesOf(base, registry)) {
      const standard = registry.searchParameter(type, code);
      if (standard !== undefined)
        throw refused('code', `${type} has ${code} already, which is R4's own ${standard.url}: take another code`);
      const other = others.find(
        (each) => each.id !== id && each.parameter.code === code && each.bases.some((its) => isA(type, its, registry)),
      );
      if (other !== undefined)
        throw refused('code', `${type} has ${code} already, by ${ownerOf(other)}: take another code, or change that one`);
    }
  }
};

const componentsOf = (
  resource: Readonly<Record<string, unknown>>,
  { registry, others }: Pick<DefinitionContext, 'registry' | 'others'>,
): { readonly written: string; readonly parameter: SearchParameter }[] => {
  const component = (resource['component'] ?? []) as readonly { definition: string; expression: string }[];
  if (component.length < 2 || component.length > MAX_COMPONENTS)
    throw refused('component', `a composite has 2 or ${MAX_COMPONENTS} components here`);
  return component.map(({ definition, expression }, i) => {
    const known = registry.searchParameterByUrl(definition) ?? others.find(({ parameter }) => parameter.url === definition)?.parameter;
    if (known === undefined || known.type === 'composite')
      throw refused(
        `component[${i}].definition`,
        `${definition.slice(0, 200)} is no search parameter that this server knows a value of; one that was written just now is known some seconds later`,
      );
    return { written: expressionOf(expression, `component[${i}].expression`), parameter: known };
  });
};

/** Throws 422 where the expression isn't understood, or finds nothing in one of its base types that this type of parameter can hold. */
const requireIndexable = (definition: Definition, context: Pick<DefinitionContext, 'registry' | 'baseUrl'>): void => {
  const { parameter, bases } = definition;
  const planOf = createAddedPlan(context, { ...definition, generation: 0 } satisfies AddedParameter);
  for (const base of bases) {
    let isFound = false;
    try {
      for (const type of typesOf(base, context.registry)) isFound = planOf(type).parameters.has(parameter.code) || isFound;
    } catch (cause) {
      if (!(cause instanceof Error)) throw cause;
      throw new FhirError('unprocessable', `the expression isn't understood for ${base}: ${cause.message.slice(0, 300)}`, {
        cause,
        expression: 'SearchParameter.expression',
      });
    }
    if (!isFound) {
      const composite = parameter.type === 'composite' ? '; of a composite the first component is a token, the third a number' : '';
      throw refused(
        'expression',
        `the expression finds nothing in ${base} that a parameter of type ${parameter.type} can index${composite}`,
      );
    }
  }
};
