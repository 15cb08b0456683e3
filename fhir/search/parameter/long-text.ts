/**
 * Comparisons with texts of which the index keeps the beginning in one row, and the whole in pieces in others (string.ts): of two that begin
 * alike the pieces say how they go on.
 */
import type { ConditionContext } from './parameter.ts';

/** What rows of a text hold of it at most. */
export interface RowLength {
  /** Of the row of its beginning. */
  readonly beginning: number;
  /** Of a piece of those that are longer. */
  readonly piece: number;
}

export type Comparison = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le';
export const COMPARED: Readonly<Record<Comparison, string>> = { eq: '=', ne: '<>', gt: '>', lt: '<', ge: '>=', le: '<=' };

type Context = Pick<ConditionContext, 'keys' | 'value'>;

/** Row `alias` is one of the same resource and parameter as `t`. */
const others = ({ keys }: Context, alias: string, lane?: 'whole'): string =>
  `fhir.sp_string ${alias} where ${alias}.rid = t.rid and ${keys(lane, alias)}`;

/**
 * Whether some text is no longer than its beginning, `text`: each that is longer has a row of its beginning too, and a first piece. (Two
 * that are longer, and the same but for case or accents, have one first piece: that is taken for one of them being no longer.)
 */
const isWhole = (context: Context, text: string): string =>
  `(select count(*) from ${others(context, 'm')} and m.value = ${text}) > (select count(*) from ${others(context, 's', 'whole')} and starts_with(s.value, ${text}))`;

/** The row `t` of a beginning is of a text that compares so with one whose beginning is `beginning`, cut to a piece `piece`. */
export const compareLong = (
  comparison: Comparison,
  { beginning, piece }: { beginning: string; piece: string },
  context: Context,
): string => {
  const operator = COMPARED[comparison];
  const [begin, cut] = [context.value(beginning), context.value(piece)];
  // One that is no longer than its beginning is the same as what is asked for, or shorter.
  const ofWhole: readonly Comparison[] = beginning === piece ? ['eq', 'ge', 'le'] : ['ne', 'lt', 'le'];
  const goesOn = `exists (select from ${others(context, 's', 'whole')} and starts_with(s.value, ${begin}) and s.value ${operator} ${cut})`;
  const alike = ofWhole.includes(comparison) ? `(${isWhole(context, begin)} or ${goesOn})` : goesOn;
  const other = comparison === 'eq' ? undefined : `t.value ${operator.replace(/^([<>])=$/, '$1')} ${begin}`;
  return other === undefined ? `t.value = ${begin} and ${alike}` : `(${other} or t.value = ${begin} and ${alike})`;
};

/** The row `t` of a beginning is all of its text. */
export const isAll = (context: Context, { beginning }: RowLength): string =>
  `(length(t.value) < ${beginning} or ${isWhole(context, 't.value')})`;

/** The piece `t` is the last one of its text: the next one would begin with its end. */
export const isLast = (context: Context, { beginning, piece }: RowLength): string =>
  `(length(t.value) < ${piece} or not exists (select from ${others(context, 'n', 'whole')} and n.value <> t.value and starts_with(n.value, right(t.value, ${beginning}))))`;

/** The piece `t` is the first one of its text. */
export const isFirst = (context: Context): string => `exists (select from ${others(context, 'm')} and starts_with(t.value, m.value))`;
