/** Strings, tokens, references and addresses. Sources: http://hl7.org/fhir/R4/search.html#string, #token, #reference, #uri */
import { isMeant } from './codes.ts';
import type { Parameter, Value } from './parameters.ts';
import { plain, split, unescaped } from './text.ts';
import { BASE } from './values.ts';

const HUMAN_NAME = ['family', 'given', 'prefix', 'suffix', 'text'];
const ADDRESS = ['line', 'city', 'district', 'state', 'postalCode', 'country', 'text'];

export const textsOf = ({ type, value }: Value): string[] => {
  if (typeof value === 'string') return [value];
  const parts = type === 'HumanName' ? HUMAN_NAME : type === 'Address' ? ADDRESS : [];
  return parts.flatMap((part) => ((value as Record<string, string | string[] | undefined>)[part] ?? []) as string | string[]);
};

export const matchesString = (value: Value, modifier: string | undefined, written: string): boolean => {
  const asked = unescaped(written);
  return textsOf(value).some((text) => {
    if (modifier === 'exact') return text === asked;
    return modifier === 'contains' ? plain(text).includes(plain(asked)) : plain(text).startsWith(plain(asked));
  });
};

interface Coding {
  readonly system?: string;
  readonly code?: string;
  readonly display?: string;
}
interface Concept {
  readonly coding?: readonly Coding[];
  readonly text?: string;
}
interface Identifier {
  readonly system?: string;
  readonly value?: string;
  readonly type?: Concept;
}

/** "The implicit system for boolean values" */
export const BOOLEANS = 'http://terminology.hl7.org/CodeSystem/special-values';

export const codingsOf = ({ type, value }: Value): readonly Coding[] => {
  switch (type) {
    case 'Coding':
      return [value as Coding];
    case 'CodeableConcept':
      return (value as Concept).coding ?? [];
    case 'Identifier':
    case 'ContactPoint': {
      const { system, value: code } = value as Identifier;
      return [{ ...(type === 'Identifier' && system !== undefined && { system }), ...(code !== undefined && { code }) }];
    }
    default:
      return [{ code: String(value) }];
  }
};

const labelsOf = ({ type, value }: Value): (string | undefined)[] => {
  if (type === 'Identifier') return [(value as Identifier).type?.text];
  if (type === 'Coding') return [(value as Coding).display];
  return type === 'CodeableConcept' ? [(value as Concept).text, ...((value as Concept).coding ?? []).map(({ display }) => display)] : [];
};

/** Whether there is anything that a search by a token could compare. */
export const hasSomeToken = (value: Value): boolean =>
  labelsOf(value).some((text) => text !== undefined) ||
  codingsOf(value).some(({ system, code }) => system !== undefined || code !== undefined);

export const matchesToken = (value: Value, modifier: string | undefined, written: string): boolean => {
  if (modifier === 'text') return labelsOf(value).some((text) => text !== undefined && plain(text).startsWith(plain(unescaped(written))));
  if (modifier === 'in' || modifier === 'above' || modifier === 'below')
    return codingsOf(value).some((each) => isMeant(each, modifier, unescaped(written)));
  const parts = split(written, '|').map(unescaped);
  const [first = '', second, third] = parts;
  if (modifier === 'of-type') {
    const { type, value: own } = value.value as Identifier;
    return own === third && (type?.coding ?? []).some(({ system = '', code }) => system === first && code === second);
  }
  return codingsOf(value).some(({ system, code }) => {
    if (second === undefined) return code === first;
    if (first === '') return code === second && system === undefined;
    if (value.type === 'boolean') return first === BOOLEANS && (second === '' || code === second);
    return system === first && (second === '' || code === second);
  });
};

/** Without its version, relative where it is of this server. */
export const localOf = (reference: string): string => {
  const current = reference.replace(/\/_history\/[^/]+$/, '');
  return current.startsWith(`${BASE}/`) ? current.slice(BASE.length + 1) : current;
};

const LOGICAL_ID = /^[A-Za-z0-9\-.]{1,64}$/;

export const matchesReference = (value: Value, modifier: string | undefined, written: string, { targets }: Parameter): boolean => {
  const asked = unescaped(written);
  if (value.type !== 'Reference') {
    // A canonical address is found with its version and without it; :below by the beginning of its version.
    const own = value.value as string;
    return modifier === 'below' ? own.startsWith(asked) : own === asked || own.split('|')[0] === asked;
  }
  const { reference, identifier } = value.value as { reference?: string; identifier?: Identifier };
  if (modifier === 'identifier')
    return identifier !== undefined && matchesToken({ type: 'Identifier', value: identifier }, undefined, written);
  if (reference === undefined || reference.startsWith('#')) return false;
  const types = modifier === undefined ? targets : [modifier];
  const wanted = LOGICAL_ID.test(asked) ? types.map((type) => `${type}/${asked}`) : [localOf(asked)];
  return wanted.includes(localOf(reference));
};

export const matchesUri = ({ type, value }: Value, modifier: string | undefined, written: string): boolean => {
  const asked = unescaped(written);
  const own = value as string;
  const all = type === 'canonical' ? [own, own.split('|')[0]!] : [own];
  return all.some((each) => {
    if (modifier === 'contains') return each.includes(asked);
    // At a slash: what is above and below lies on the same path.
    if (modifier === 'below') return each === asked || each.startsWith(asked.endsWith('/') ? asked : `${asked}/`);
    if (modifier === 'above') return asked === each || asked.startsWith(each.endsWith('/') ? each : `${each}/`);
    return each === asked;
  });
};
