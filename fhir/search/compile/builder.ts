import { FhirError } from '../../http/outcome.ts';
import { RID_SPAN } from '../../store/rid.ts';
import { ANY_TYPE, type IndexedParameter, type TypeIndex } from '../index-plan.ts';
import type { ConditionContext, Lane } from '../parameter/parameter.ts';
import type { Branch, Criterion } from '../request.ts';

export interface CompileContext {
  readonly typeId: (type: string) => number;
  readonly keyId: (key: string) => number;
  readonly planOf: (type: string) => TypeIndex;
  readonly baseUrl: string;
}

/** One statement that is being made: its parameters, and what the parts of it need from each other. */
export interface Builder extends CompileContext {
  readonly parameters: (string | number)[];
  /** Numbers a parameter; returns its `$n`. */
  readonly value: (given: string | number) => string;
  /** A condition that the alias's rid is of the type, with `and` before it; empty for any type. */
  readonly within: (type: string, alias: string) => string;
  /** A condition that the alias's key is one of them. */
  readonly keys: (keys: readonly string[], alias: string) => string;
  /** Keys of a parameter in its own table, or of a lane. */
  readonly keysOf: (indexed: IndexedParameter, lane: Lane | undefined) => readonly string[];
  readonly contextOf: (name: string, indexed: IndexedParameter, modifier: string | undefined) => ConditionContext;
  /** The distinct resource keys that match all criteria, as a query whose column is c.rid. */
  readonly matches: (branch: Branch, after?: number) => string;
  /** A query of the resource keys that a criterion matches. */
  readonly rows: (type: string, criterion: Criterion) => string;
  /** A condition on c.rid. */
  readonly probe: (type: string, criterion: Criterion) => string;
}

export type Parts = Pick<Builder, 'matches' | 'rows' | 'probe'>;

/** PostgreSQL takes 65 535, and plans long for many. */
const MAX_VALUES = 20_000;

/** `partsOf` makes what the builder calls, which calls the builder in turn. */
export const createBuilder = (context: CompileContext, partsOf: (builder: () => Builder) => Parts): Builder => {
  const parameters: (string | number)[] = [];
  const value = (given: string | number): string => {
    if (parameters.length >= MAX_VALUES)
      throw new FhirError(
        'too-costly',
        `a search compares with ${MAX_VALUES} values at most, each as often as it is looked for: ask for fewer`,
      );
    return `$${parameters.push(given)}`;
  };
  const builder: Builder = {
    ...context,
    parameters,
    value,
    within: (type, alias) => {
      if (type === ANY_TYPE) return '';
      const from = context.typeId(type) * RID_SPAN;
      return ` and ${alias}.rid >= ${from} and ${alias}.rid < ${from + RID_SPAN}`;
    },
    keys: (keys, alias) => {
      if (keys.length === 0) return 'true';
      const ids = keys.map(context.keyId);
      return ids.length === 1 ? `${alias}.key = ${ids[0]}` : `${alias}.key in (${ids.join(', ')})`;
    },
    keysOf: ({ keys, laneKeys }, lane) => (lane === undefined ? keys : (laneKeys.get(lane) ?? [])),
    contextOf: (name, { datatypes, parameter }, modifier) => ({
      name,
      modifier,
      datatypes,
      targets: parameter.targets,
      baseUrl: context.baseUrl,
      value,
    }),
    ...partsOf(() => builder),
  };
  return builder;
};
