import type { SearchTable } from '../../store/search-table.ts';
import { textArray } from '../../store/pool.ts';
import type { Lane } from '../parameter/parameter.ts';
import { hasNoSystem } from '../parameter/token.ts';
import type { CodesTest, ParameterTest } from '../request.ts';
import type { Builder } from './builder.ts';

/** The table that a modifier's rows are in, where it isn't the parameter's own. */
const MODIFIER_TABLE: Readonly<Partial<Record<string, Readonly<Partial<Record<SearchTable, SearchTable>>>>>> = {
  text: { token: 'text' },
  identifier: { ref: 'token' },
  below: { ref: 'uri' },
};

export const tableOf = ({ indexed: { parameterType }, modifier = '' }: ParameterTest): string =>
  `sp_${MODIFIER_TABLE[modifier]?.[parameterType.table] ?? parameterType.table}`;

/** A condition on the row `t` of the table that {@link tableOf} names. */
export const parameterTest = (b: Builder, name: string, { indexed, modifier, values, isUnequal }: ParameterTest): string => {
  const context = b.contextOf(name, indexed, modifier === 'not' ? undefined : modifier);
  const byLane = new Map<Lane | undefined, string[]>();
  for (const { lane, sql } of values.flatMap((text) => indexed.parameterType.condition(text, context)))
    byLane.set(lane, [...(byLane.get(lane) ?? []), sql]);
  if (isUnequal) {
    const own = byLane.get(undefined) ?? ['false'];
    return `${b.keys(indexed.keys, 't')} and not (${own.map((each) => `coalesce(${each}, false)`).join(' or ')})`;
  }
  const alternatives = [...byLane].map(([lane, conditions]) => {
    const keys = b.keys(b.keysOf(indexed, lane), 't');
    return `${keys} and ${conditions.length === 1 ? conditions[0]! : `(${conditions.map((each) => `(${each})`).join(' or ')})`}`;
  });
  return alternatives.length === 1 ? alternatives[0]! : `(${alternatives.map((each) => `(${each})`).join(' or ')})`;
};

export const codesTable = (): string => 'sp_token';

/** A condition on the row `t` of sp_token: its code is one of those that the terminology gave. */
export const codesTest = (b: Builder, { indexed, codes: given = [] }: CodesTest): string => {
  const { datatypes, systems } = indexed;
  const isWithoutSystem = hasNoSystem(datatypes);
  const codes = isWithoutSystem && systems !== undefined ? given.filter(({ system }) => system === '' || systems.has(system)) : given;
  const keys = b.keys(indexed.keys, 't');
  const texts = `${b.value(textArray(codes.map(({ code }) => code)))}::text[]`;
  if (isWithoutSystem) return `${keys} and t.code in (select hashtextextended(v.code, 0) from unnest(${texts}) v(code))`;
  const ofSystems = `${b.value(textArray(codes.map(({ system }) => system)))}::text[]`;
  return `${keys} and (t.code, t.system) in (select hashtextextended(v.code, 0), hashtext(v.system) from unnest(${texts}, ${ofSystems}) v(code, system))`;
};
