/** The filters of a value set. Source: http://hl7.org/fhir/R4/valueset-filter-operator.html */
import { createContext, Script } from 'node:vm';
import { FhirError } from '../http/outcome.ts';
import { type CodeIndex, type Node, propertyValues } from './code-system.ts';
import { type Effort, STEPS_PER_MS, STEPS_TO_ADD } from './effort.ts';
import type { Filter } from './resources.ts';

/** Those of some concepts that pass. */
type Narrow = (nodes: readonly Node[], effort: Effort) => readonly Node[];

const MAX_PATTERN = 500;
/** For all codes together, within a window: a filter of a loaded package is asked again and again. */
const MAX_MATCH_MS = 1000;
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

const expressionOf = (pattern: string): RegExp => {
  if (pattern.length > MAX_PATTERN)
    throw new FhirError('too-costly', `the pattern of a regex filter has ${MAX_PATTERN} characters at most`);
  try {
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch (cause) {
    throw new FhirError('unprocessable', `${JSON.stringify(pattern.slice(0, 80))} is no regular expression`, { cause });
  }
};

/** For each of some lists of texts, whether one of them matches. */
type Matches = (lists: readonly (readonly string[])[], effort: Effort) => readonly boolean[];

// A pattern is somebody's own and may backtrack without end: it runs where a clock can stop it.
const clocked = (expression: RegExp): Matches => {
  const context = createContext({ expression, lists: [] });
  // To set the clock takes longer than to match: once for all.
  const script = new Script('lists.map((texts) => texts.some((text) => expression.test(text)))');
  let leftMs = MAX_MATCH_MS;
  let since = performance.now();
  const tooLong = (cause?: unknown): FhirError =>
    new FhirError('too-costly', 'the pattern of a regex filter takes too long: write it without nested repetition', { cause });
  return (lists, effort) => {
    context['lists'] = lists;
    const start = performance.now();
    if (start - since > WINDOW_MS) {
      since = start;
      leftMs = MAX_MATCH_MS;
    }
    const timeout = Math.ceil(Math.min(leftMs, effort.leftMs()));
    if (timeout <= 0) throw tooLong();
    let found: readonly boolean[];
    try {
      found = script.runInContext(context, { timeout }) as boolean[];
    } catch (cause) {
      throw tooLong(cause);
    } finally {
      // Many that are nearly too slow are too slow together.
      leftMs -= performance.now() - start;
      context['lists'] = [];
    }
    effort.spend((performance.now() - start) * STEPS_PER_MS);
    return found;
  };
};

const listed = (value: string): ReadonlySet<string> => new Set(value.split(',').map((each) => each.trim()));

const eachThat =
  (test: (node: Node) => boolean): Narrow =>
  (nodes, effort) => {
    effort.spend(nodes.length);
    return nodes.filter(test);
  };

/** Those of a hierarchy, or all but those. */
const within = (codes: ReadonlySet<string>, effort: Effort): ReadonlySet<string> => {
  effort.spend(codes.size * STEPS_TO_ADD);
  return codes;
};

const OPERATORS: Readonly<Record<string, (filter: Filter, index: CodeIndex, effort: Effort) => Narrow>> = {
  '=': ({ property, value }) => eachThat((node) => valuesOf(node, property).includes(value)),
  'is-a': ({ value }, index, effort) => {
    const codes = within(index.withDescendants(value), effort);
    return eachThat(({ concept }) => codes.has(concept.code));
  },
  'descendent-of': ({ value }, index, effort) => {
    const codes = within(index.withDescendants(value), effort);
    const top = index.node(value)?.concept.code;
    return eachThat(({ concept }) => concept.code !== top && codes.has(concept.code));
  },
  'is-not-a': ({ value }, index, effort) => {
    const codes = within(index.withDescendants(value), effort);
    return eachThat(({ concept }) => !codes.has(concept.code));
  },
  generalizes: ({ value }, index, effort) => {
    const codes = within(index.withAncestors(value), effort);
    return eachThat(({ concept }) => codes.has(concept.code));
  },
  regex: ({ property, value }) => {
    const expression = expressionOf(value);
    if (SIMPLE.test(value)) return eachThat((node) => valuesOf(node, property).some((text) => expression.test(text)));
    const matches = clocked(expression);
    return (nodes, effort) => {
      const found = matches(
        nodes.map((node) => valuesOf(node, property)),
        effort,
      );
      return nodes.filter((_, i) => found[i]);
    };
  },
  in: ({ property, value }) => {
    const values = listed(value);
    return eachThat((node) => valuesOf(node, property).some((each) => values.has(each)));
  },
  'not-in': ({ property, value }) => {
    const values = listed(value);
    return eachThat((node) => !valuesOf(node, property).some((each) => values.has(each)));
  },
  exists: ({ property, value }) => eachThat((node) => valuesOf(node, property).length > 0 === (value !== 'false')),
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
const isKnown = (name: string, { system, hasProperty }: CodeIndex): boolean =>
  OF_EVERY_SYSTEM.has(name) ||
  [...(system.property ?? []), ...(system.filter ?? [])].some(({ code }) => code === name) ||
  hasProperty(name);

/** What passes all of them; throws where an operator or a concept is named that there isn't, and 413 where it takes too long. */
export const compileFilters = (filters: readonly Filter[], index: CodeIndex, effort: Effort): Narrow => {
  const narrows = filters.map((filter) => {
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
    return operator(filter, index, effort);
  });
  return (nodes, spent) => narrows.reduce((left, narrow) => narrow(left, spent), nodes);
};
