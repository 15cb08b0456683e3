/** Required bindings: the codes that an element may have. Source: http://hl7.org/fhir/R4/terminologies.html#required */
import { isObject, type Json } from '../json/value.ts';
import { type Check, type Findings, shown } from './findings.ts';

/** system → codes */
export type Codes = ReadonlyMap<string, ReadonlySet<string>>;

export const CODED_TYPES: ReadonlySet<string> = new Set(['code', 'Coding', 'CodeableConcept']);

const SHOWN_CODES = 12;

const currencies = (): ReadonlySet<string> => new Set(Intl.supportedValuesOf('currency'));

/** Value sets that no list can hold, by the form of their codes. */
const FORMS: Readonly<Record<string, () => { readonly is: (code: string) => boolean; readonly hint: string }>> = {
  'http://hl7.org/fhir/ValueSet/mimetypes': () => ({
    // A CapabilityStatement names formats by these short words too.
    is: (code) => /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+(?:\s*;.*)?$/.test(code) || code === 'json' || code === 'xml' || code === 'ttl',
    hint: 'a MIME type such as application/pdf',
  }),
  'http://hl7.org/fhir/ValueSet/currencies': () => {
    const known = currencies();
    return { is: (code) => known.has(code), hint: 'a currency of ISO 4217 such as EUR' };
  },
};

/** Checks the codes of a value of one of the coded types; undefined where neither a list nor a form says what is right. */
export const compileBinding = (url: string, codes: Codes | undefined, type: string): Check | undefined => {
  const form = codes === undefined && type === 'code' ? FORMS[url]?.() : undefined;
  if (form !== undefined) {
    return (value, findings) => {
      if (typeof value === 'string' && !form.is(value)) findings.add('code-invalid', `${shown(value)} should be ${form.hint}`);
    };
  }
  if (codes === undefined) return undefined;
  const all = new Set([...codes.values()].flatMap((set) => [...set]));
  const hint = `${[...all].slice(0, SHOWN_CODES).join(', ')}${all.size > SHOWN_CODES ? ', …' : ''} (${url})`;
  if (type === 'code') {
    return (value, findings) => {
      if (typeof value === 'string' && !all.has(value)) findings.add('code-invalid', `${shown(value)} is none of ${hint}`);
    };
  }
  const isIn = ({ system, code }: Json): boolean =>
    typeof system === 'string' && typeof code === 'string' && codes.get(system)?.has(code) === true;
  if (type === 'Coding') {
    return (value, findings) => {
      if (isObject(value) && value['code'] !== undefined && !isIn(value)) reportCoding(value, codes, hint, findings);
    };
  }
  return (value, findings) => {
    if (!isObject(value) || (value['coding'] === undefined && value['text'] === undefined)) return;
    const codings = Array.isArray(value['coding']) ? value['coding'].filter(isObject) : [];
    if (codings.some(isIn)) return;
    const wrong = codings.find(({ system }) => typeof system === 'string' && codes.has(system));
    if (wrong !== undefined) reportCoding(wrong, codes, hint, findings);
    else findings.add('code-invalid', `a coding of ${[...codes.keys()].join(' or ')} is required here, with one of ${hint}`);
  };
};

const reportCoding = ({ system, code }: Json, codes: Codes, hint: string, findings: Findings): void => {
  if (typeof system === 'string' && codes.has(system)) findings.add('code-invalid', `${shown(code)} is none of ${hint}`);
  else findings.add('code-invalid', `the system is ${shown(system)} and should be ${[...codes.keys()].join(' or ')}, with one of ${hint}`);
};
