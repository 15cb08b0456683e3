/** Source: http://hl7.org/fhir/R4/search.html#token */
import type { SearchTable } from '../../store/search-table.ts';
import { FhirError } from '../../http/outcome.ts';
import { splitUnescaped, unescapeValue } from './escape.ts';
import { BOOLEANS } from './implicit-system.ts';
import type { AddRow, AddToLane, ConditionContext, Lane, ParameterType } from './parameter.ts';
import { beginsWith, normalise, requireShort } from './string.ts';

interface Coding {
  readonly system?: unknown;
  readonly code?: unknown;
  readonly display?: unknown;
}

interface Identifier {
  readonly system?: unknown;
  readonly value?: unknown;
  readonly type?: { readonly text?: unknown; readonly coding?: unknown };
}

const addCoding = ({ system, code }: Coding, add: AddRow): void => {
  // A system alone is found by system|, and no search asks for the code ''.
  if (typeof code === 'string') add(code, typeof system === 'string' ? system : null);
  else if (typeof system === 'string') add('', system);
};

const addText = (text: unknown, addTo: AddToLane): void => {
  if (typeof text !== 'string') return;
  const normal = normalise(text);
  if (normal !== '') addTo('text', normal);
};

const codingsOf = (coding: unknown): readonly Coding[] => (Array.isArray(coding) ? (coding as Coding[]) : []);

const addIdentifier = ({ system, value, type }: Identifier, add: AddRow, addTo: AddToLane): void => {
  addCoding({ system, code: value }, add);
  if (type === undefined) return;
  addText(type.text, addTo);
  if (typeof value !== 'string') return;
  for (const each of codingsOf(type.coding))
    if (typeof each.code === 'string') addTo('of-type', typed(typeof each.system === 'string' ? each.system : '', each.code, value), null);
};

/** One text for the three parts of :of-type. */
const typed = (system: string, code: string, value: string): string => JSON.stringify([system, code, value]);

/** Their system, if any, is fixed by the specification and isn't in the resource: a client may name it or not. */
const WITHOUT_SYSTEM = new Set(['code', 'boolean', 'string', 'id', 'uri', 'canonical', 'url', 'oid', 'uuid', 'markdown', 'ContactPoint']);

/** Whether values of all these types come without their system. */
export const hasNoSystem = (datatypes: readonly string[]): boolean => datatypes.every((type) => WITHOUT_SYSTEM.has(type));

const LANES: Readonly<Record<string, Readonly<Partial<Record<Lane, SearchTable>>>>> = {
  Coding: { text: 'text' },
  CodeableConcept: { text: 'text' },
  Identifier: { text: 'text', 'of-type': 'token' },
  code: { 'media-type': 'token' },
};

/** `text/xml; charset=UTF-8` without what follows the type; undefined where nothing does, or it is no media type. */
const baseOfMediaType = (code: string): string | undefined => /^([^/;|]+\/[^/;|]+?)\s*;/.exec(code)?.[1];

/** A media type as it is asked for by :below. */
export const isMediaType = (text: string): boolean => /^[^/;|]+\/[^/;|]+$/.test(text);

export const token: ParameterType = {
  table: 'token',
  datatypes: new Set(['Coding', 'CodeableConcept', 'Identifier', 'Money', ...WITHOUT_SYSTEM]),
  modifiers: ['missing', 'text', 'not', 'above', 'below', 'in', 'not-in', 'of-type'],
  lanes: (fhirType) => LANES[fhirType] ?? {},
  extract: (value, fhirType, add, addTo) => {
    switch (fhirType) {
      case 'Coding':
        addCoding(value as Coding, add);
        addText((value as Coding).display, addTo);
        break;
      case 'CodeableConcept': {
        const { coding, text } = value as { coding?: unknown; text?: unknown };
        for (const each of codingsOf(coding)) {
          addCoding(each, add);
          if (each.display !== text) addText(each.display, addTo);
        }
        addText(text, addTo);
        break;
      }
      case 'Identifier':
        addIdentifier(value as Identifier, add, addTo);
        break;
      case 'ContactPoint':
        addCoding({ code: (value as { value?: unknown }).value }, add);
        break;
      case 'Money':
        addCoding({ code: (value as { currency?: unknown }).currency }, add);
        break;
      default:
        if (typeof value === 'string' || typeof value === 'boolean') add(String(value), null);
        if (fhirType === 'code' && typeof value === 'string') {
          const base = baseOfMediaType(value);
          if (base !== undefined) addTo('media-type', base, null);
        }
        // A text is found in any case.
        if (fhirType === 'string' && typeof value === 'string' && value !== value.toLowerCase()) add(value.toLowerCase(), null);
    }
  },
  condition: (written, context) => {
    const { name, modifier, value, datatypes, systems } = context;
    if (modifier === 'text') return [{ lane: 'text', sql: textTest(written, context) }];
    const parts = splitUnescaped(written, '|').map(unescapeValue);
    const hash = (text: string): string => `hashtextextended(${value(text)}, 0)`;
    const code = (text: string): string => {
      const lower = datatypes.includes('string') ? text.toLowerCase() : text;
      return lower === text ? `t.code = ${hash(text)}` : `t.code in (${hash(text)}, ${hash(lower)})`;
    };
    const [first = '', second, third] = parts;
    // Other hierarchies are known to a code system, and are looked up before.
    if (modifier === 'below') return [{ sql: code(first) }, { lane: 'media-type', sql: code(first) }];
    if (modifier === 'of-type') {
      if (parts.length !== 3 || second === undefined || second === '' || third === undefined || third === '')
        throw new FhirError('value', `${name}: write system|code|value, with system and code of the identifier's type`, {
          expression: `http.${name}`,
        });
      return [{ lane: 'of-type', sql: code(typed(first, second, third)) }];
    }
    if (third !== undefined || (second === undefined ? first === '' : first === '' && second === '')) {
      throw new FhirError('value', `${name}: write a token as code, system|code, |code or system|`, { expression: `http.${name}` });
    }
    const system = (text: string): string => `t.system = hashtext(${value(text)})`;
    const only = (sql: string): readonly { sql: string }[] => [{ sql }];
    if (second === undefined) return only(code(first));
    if (hasNoSystem(datatypes)) {
      if (first !== '' && systems?.has(first) === false) return only('false');
      return only(second === '' ? 'true' : code(second));
    }
    if (second === '') return only(system(first));
    // Booleans beside concepts: their rows have no system.
    if (first === BOOLEANS && datatypes.includes('boolean')) return only(`${code(second)} and (t.system is null or ${system(first)})`);
    return only(`${code(second)} and ${first === '' ? 't.system is null' : system(first)}`);
  },
};

const textTest = (written: string, { name, datatypes, value }: ConditionContext): string => {
  if (!datatypes.some((type) => LANES[type]?.text !== undefined))
    throw new FhirError('not-supported', `${name}: there are no texts to search here: leave :text out`, { expression: `http.${name}` });
  const wanted = normalise(unescapeValue(written));
  requireShort(unescapeValue(written), name);
  if (wanted === '') throw new FhirError('value', `${name} has a value without a letter`, { expression: `http.${name}` });
  return beginsWith(wanted, value);
};
