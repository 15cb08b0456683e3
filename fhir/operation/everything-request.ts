/** What Patient/$everything is asked with. */
import type { Registry } from '../definitions/registry.ts';
import { FhirError } from '../http/outcome.ts';
import { dateInterval } from '../search/parameter/date.ts';
import type { OperationParameter } from './parameters.ts';

export interface EverythingRequest {
  /** Empty: all. */
  readonly types: readonly string[];
  readonly count: number;
  readonly sinceMs: number | undefined;
  readonly careMs: readonly [from: number, to: number] | undefined;
  /** Where the page begins, as the page before said; undefined for the first page. */
  readonly cursor: string | undefined;
  /** Name and value of what was given, for links. */
  readonly given: readonly (readonly [name: string, value: string])[];
}

/** Of who asks for no pages, and is to have one Bundle: what goes into 8 MB is seldom more, and where it is, the next link goes on. */
const WITHOUT_COUNT = 10_000;
const MAX_COUNT = 1000;
const NAMES = new Set(['start', 'end', '_since', '_type', '_count', '_cursor']);
/** How the answer is written: nothing here, but the next page is asked for in the same form. */
const SHAPING = new Set(['_format', '_pretty']);

const wrong = (name: string, value: string, hint: string): FhirError =>
  new FhirError('value', `${name}=${value.slice(0, 60)} ${hint}`, { expression: `http.${name}` });

/** Throws 400 naming the parameter that is unknown or malformed. */
export const parseEverything = (
  parameters: readonly OperationParameter[],
  registry: Pick<Registry, 'isResourceType'>,
  lenient: boolean,
): EverythingRequest => {
  const values = new Map<string, string[]>();
  for (const { name, value } of parameters) {
    if (!NAMES.has(name) && !SHAPING.has(name)) {
      if (lenient) continue;
      throw new FhirError('not-supported', `${name.slice(0, 60)} is no parameter of $everything: use start, end, _since, _type or _count`, {
        expression: `http.${name.slice(0, 60)}`,
      });
    }
    if (typeof value !== 'string' && typeof value !== 'number') throw new FhirError('value', `the parameter ${name} has no value`);
    values.set(name, [...(values.get(name) ?? []), String(value)]);
  }
  const one = (name: string): string | undefined => {
    const all = values.get(name) ?? [];
    if (all.length > 1) throw new FhirError('invalid', `the parameter ${name} is given ${all.length} times: give it once`);
    return all[0];
  };
  const interval = (name: string): { readonly lo: number; readonly hi: number } | undefined => {
    const text = one(name);
    if (text === undefined) return undefined;
    const found = dateInterval(text.replace(' ', '+'));
    if (found === undefined) throw wrong(name, text, 'is no date, such as 2024-01-31');
    return found;
  };
  const types = (values.get('_type') ?? []).flatMap((text) => text.split(',')).filter(Boolean);
  for (const type of types) if (!registry.isResourceType(type)) throw wrong('_type', type, 'names no FHIR R4 resource type');
  const [start, end, since] = [interval('start'), interval('end'), interval('_since')];
  return {
    types: [...new Set(types)],
    count: countOf(one('_count')),
    sinceMs: since?.lo,
    careMs:
      start === undefined && end === undefined ? undefined : [start?.lo ?? Number.MIN_SAFE_INTEGER, end?.hi ?? Number.MAX_SAFE_INTEGER],
    cursor: cursorOf(one('_cursor')),
    given: [...values].flatMap(([name, all]) => (name === '_cursor' ? [] : all.map((value) => [name, value] as const))),
  };
};

const countOf = (text: string | undefined): number => {
  if (text === undefined) return WITHOUT_COUNT;
  if (!/^0*[1-9]\d*$/.test(text)) throw wrong('_count', text, 'is no whole number from 1');
  return Math.min(Number(text), MAX_COUNT);
};

const cursorOf = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : Buffer.from(text, 'base64url').toString();
