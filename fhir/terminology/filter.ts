/** The filters of a value set. Source: http://hl7.org/fhir/R4/valueset-filter-operator.html */
import { createContext, Script } from 'node:vm';
import { FhirError } from '../http/outcome.ts';
import { type CodeIndex, type Node, propertyValues } from './code-system.ts';
import type { Filter } from './resources.ts';

type Test = (node: Node) => boolean;

const MAX_PATTERN = 500;
/** For all codes together, within a window: a filter of a loaded package is asked again and again. */
const MAX_MATCH_MS = 2000;
const WINDOW_MS = 10_000;

const valuesOf = (node: Node, property: string): readonly string[] => {
  const { concept, parents, children } = node;
  if (property === 'code' || property === 'concept') return [concept.code];
  if (property === 'display' || property === 'definition') return concept[property] === undefined ? [] : [concept[property]];
  if (property === 'parent') return parents;
  if (property === 'child') return children;
  return propertyValues(concept, property);
};

/** With one repetition or option at most, of a single character or class: that can't backtrack for long. */
const SIMPLE = /^[^*+?{()]*[*+?]?[^*+?{()]*$/;

// A pattern is somebody's own and may backtrack without end: it runs where a clock can stop it.
const compilePattern = (pattern: string): ((text: string) => boolean) => {
  if (pattern.length > MAX_PATTERN)
    throw new FhirError('too-costly', `the pattern of a regex filter has ${MAX_PATTERN} characters at most`);
  let expression: RegExp;
  try {
    expression = new RegExp(`^(?:${pattern})$`, 'u');
  } catch (cause) {
    throw new FhirError('unprocessable', `${JSON.stringify(pattern.slice(0, 80))} is no regular expression`, { cause });
  }
  if (SIMPLE.test(pattern)) return (text) => expression.test(text);
  const context = createContext({ expression, text: '' });
  const script = new Script('expression.test(text)');
  let leftMs = MAX_MATCH_MS;
  let since = performance.now();
  const tooLong = (cause?: unknown): FhirError =>
    new FhirError('too-costly', 'the pattern of a regex filter takes too long: write it without nested repetition', { cause });
  return (text) => {
    context['text'] = text;
    const start = performance.now();
    if (start - since > WINDOW_MS) {
      since = start;
      leftMs = MAX_MATCH_MS;
    }
    if (leftMs <= 0) throw tooLong();
    try {
      return script.runInContext(context, { timeout: Math.ceil(leftMs) }) as boolean;
    } catch (cause) {
      throw tooLong(cause);
    } finally {
      // Many that are nearly too slow are too slow together.
      leftMs -= performance.now() - start;
    }
  };
};

const listed = (value: string): ReadonlySet<string> => new Set(value.split(',').map((each) => each.trim()));

const OPERATORS: Readonly<Record<string, (filter: Filter, index: CodeIndex) => Test>> = {
  '=':
    ({ property, value }) =>
    (node) =>
      valuesOf(node, property).includes(value),
  'is-a': ({ value }, index) => {
    const codes = index.withDescendants(value);
    return ({ concept }) => codes.has(concept.code);
  },
  'descendent-of': ({ value }, index) => {
    const codes = index.withDescendants(value);
    const top = index.node(value)?.concept.code;
    return ({ concept }) => concept.code !== top && codes.has(concept.code);
  },
  'is-not-a': ({ value }, index) => {
    const codes = index.withDescendants(value);
    return ({ concept }) => !codes.has(concept.code);
  },
  generalizes: ({ value }, index) => {
    const codes = index.withAncestors(value);
    return ({ concept }) => codes.has(concept.code);
  },
  regex: ({ property, value }) => {
    const matches = compilePattern(value);
    return (node) => valuesOf(node, property).some(matches);
  },
  in: ({ property, value }) => {
    const values = listed(value);
    return (node) => valuesOf(node, property).some((each) => values.has(each));
  },
  'not-in': ({ property, value }) => {
    const values = listed(value);
    return (node) => !valuesOf(node, property).some((each) => values.has(each));
  },
  exists:
    ({ property, value }) =>
    (node) =>
      valuesOf(node, property).length > 0 === (value !== 'false'),
};

const OF_EVERY_SYSTEM = new Set([
  'code',
  'concept',
  'display',
  'definition',
  'parent',
  'child',
  'inactive',
  'status',
  'notSelectable',
  'abstract',
]);

/** Whether a code system says anything of a property: it defines it, has a filter by it, or a concept with it. */
const isKnown = (name: string, { system, nodes }: CodeIndex): boolean =>
  OF_EVERY_SYSTEM.has(name) ||
  [...(system.property ?? []), ...(system.filter ?? [])].some(({ code }) => code === name) ||
  [...nodes.values()].some(({ concept }) => propertyValues(concept, name).length > 0);

/** Whether a concept passes all of them; throws where an operator or a concept is named that there isn't. */
export const compileFilters = (filters: readonly Filter[], index: CodeIndex): Test => {
  const tests = filters.map((filter) => {
    const operator = OPERATORS[filter.op];
    if (operator === undefined) throw new FhirError('unprocessable', `this server has no filter ${String(filter.op).slice(0, 40)}`);
    const hierarchical = ['is-a', 'descendent-of', 'is-not-a', 'generalizes'].includes(filter.op);
    if (hierarchical && index.node(filter.value) === undefined) {
      throw new FhirError(
        'unprocessable',
        `the filter ${filter.op} names ${filter.value.slice(0, 80)}, which ${index.system.url} doesn't have`,
      );
    }
    if (!hierarchical && !isKnown(filter.property, index)) {
      throw new FhirError(
        'unprocessable',
        `the filter ${filter.op} names the property ${filter.property.slice(0, 80)}, which ${index.system.url} doesn't have`,
      );
    }
    return operator(filter, index);
  });
  return (node) => tests.every((test) => test(node));
};
