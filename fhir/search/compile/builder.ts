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
  /**
   * The planner is shown no values and given nothing to choose: where the first criterion finds few resources, the best plan is always the
   * same. Else PostgreSQL finds it cheaper for the values at hand than in general, and makes a plan anew for each search (0.3 to 0.6 ms;
   * by family name and birth date that was half of what the search cost).
   */
  readonly isFixed: boolean;
  readonly parameters: (string | number)[];
  /** Numbers a parameter; returns SQL of its value. */
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
export const createBuilder = (context: CompileContext, partsOf: (builder: () => Builder) => Parts, isFixed: boolean = false): Builder => {
  const parameters: (string | number)[] = [];
  const value = (given: string | number): string => {
    if (parameters.length >= MAX_VALUES)
      throw new FhirError(
        'too-costly',
        `a search compares with ${MAX_VALUES} values at most, each as often as it is looked for: ask for fewer`,
      );
    const number = parameters.push(given);
    return isFixed ? `(select $${number})` : `$${number}`;
  };
  const builder: Builder = {
    ...context,
    isFixed,
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
    contextOf: (name, indexed, modifier) => ({
      name,
      modifier,
      datatypes: indexed.datatypes,
      systems: indexed.systems,
      targets: indexed.parameter.targets,
      baseUrl: context.baseUrl,
      keys: (lane, alias) => builder.keys(builder.keysOf(indexed, lane), alias),
      value,
    }),
    ...partsOf(() => builder),
  };
  return builder;
};
